"""Score script: what an Azure Machine Learning deployment of the local model would run.

`init` and `run` are Azure ML's contract. Microsoft's `azureml-inference-server-http` calls them;
the local `/score` route calls what `run` calls:

    azmlinfsrv --entry_script langchain_azure_llms/local/score.py

A real deployment takes one schema; this one takes those of all the content formatters:

| request                                                        | answer                          |
|----------------------------------------------------------------|---------------------------------|
| `{"inputs": {"input_string": [p]}, "parameters": {}}`          | `[{"0": text}]`                 |
| `{"inputs": [p], "parameters": {}}`                            | `[{"0": {"generated_text": t}}]`|
| `{"inputs": [p], "parameters": {}, "options": {}}`             | `[{"summary_text": text}]`      |
| `{"input_data": {"input_string": [p]}, "parameters": {}}`      | `[text]`                        |
| `{"input_data": {"input_string": [p], "parameters": {}}}`      | `[{"0": text}]`                 |
| `{"input_data": {"input_string": [message], "parameters": {}}}`| `{"output": text}`              |
| `{"input_data": [p], "params": {}}`                            | `[text]`                        |
"""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from langchain_azure_llms.local import _engine
from langchain_azure_llms.local._errors import ApiError, invalid_request
from langchain_azure_llms.local._generation import NO_PROMPT, Engine, Task, outcomes_of
from langchain_azure_llms.local._parameters import Fields, loads, read_messages, repeated

Shape = Callable[[list[str]], Any]
"""Turns the texts into the answer of a request's schema."""


def init() -> None:
    """Load the model."""
    _engine.acquire()


def run(raw_data: str) -> Any:
    """Answer one request, as `answer` does, with the model and under Microsoft's server."""
    engine = _engine.acquire()
    try:
        status, body = asyncio.run(answer(raw_data, engine, threading.Event()))
    finally:
        _engine.release()
    if status == 200:
        return body
    from azureml_inference_server_http.api import aml_response  # noqa: PLC0415 (only it has that)

    return aml_response.AMLResponse(body, status, json_str=True)


async def answer(raw_data: str, engine: Engine, stopped: threading.Event) -> tuple[int, Any]:
    """Answer one request, with 200 and a JSON value, or with 400 and a message."""
    try:
        tasks, prefixes, shape = _read_request(loads(raw_data))
        outcomes = await outcomes_of(engine, tasks, stopped)
    except (ValueError, ApiError) as error:
        if isinstance(error, ApiError) and error.status >= 500:
            raise
        return 400, {"message": str(error)}
    texts = [prefix + one.text for prefix, one in zip(prefixes, outcomes, strict=True)]
    return 200, shape(texts)


def _read_request(body: Any) -> tuple[list[Task], list[str], Shape]:
    """Return what to generate, what to put before each text, and the answer's shape."""
    prompts, parameters, shape = _read_schema(Fields(body))
    if isinstance(prompts, str):
        prompts = [prompts]
    if not isinstance(prompts, list) or not prompts:
        raise invalid_request("The prompts must be a non-empty list.")
    task = _read_parameters(parameters)
    if all(isinstance(prompt, dict) for prompt in prompts):
        chat = {**task, "messages": read_messages(prompts)}
        return [chat], [""], lambda texts: {"output": texts[0]}
    if not all(isinstance(prompt, str) for prompt in prompts):
        raise invalid_request("Every prompt must be a string.")
    tasks = [{**task, "prompt": prompt or NO_PROMPT} for prompt in prompts]
    is_full = parameters.flag("return_full_text")
    return tasks, prompts if is_full else [""] * len(prompts), shape


_SHAPES: dict[str, Shape] = {
    "numbered": lambda texts: [{"0": text} for text in texts],
    "generated": lambda texts: [{"0": {"generated_text": text}} for text in texts],
    "summaries": lambda texts: [{"summary_text": text} for text in texts],
    "plain": lambda texts: texts,
}


def _read_schema(fields: Fields) -> tuple[Any, Fields, Shape]:
    """Tell the schema by its keys: return the prompts, the parameters and the answer's shape."""
    inputs, data = fields.body.get("inputs"), fields.body.get("input_data")
    if inputs is not None:
        prompts = inputs.get("input_string") if isinstance(inputs, dict) else inputs
        plain = "generated" if fields.body.get("options") is None else "summaries"
        shape = "numbered" if isinstance(inputs, dict) else plain
        return prompts, fields.object("parameters"), _SHAPES[shape]
    if isinstance(data, dict) and "parameters" in data:
        return data.get("input_string"), Fields(data).object("parameters"), _SHAPES["numbered"]
    if isinstance(data, dict):
        return data.get("input_string"), fields.object("parameters"), _SHAPES["plain"]
    if data is not None:
        return data, fields.object("params"), _SHAPES["plain"]
    raise invalid_request("The body must have inputs or input_data.")


def _read_parameters(given: Fields) -> Task:
    """Read the parameters, named as in Hugging Face's pipelines, into llama.cpp's.

    Unknown ones are dropped without a word, as Microsoft's servers do.
    """
    read = {
        "max_tokens": given.tokens("max_new_tokens") or given.tokens("max_tokens") or 64,
        "temperature": given.get("temperature", float, 0, 100),
        "top_p": given.get("top_p", float, 0, 1),
        "top_k": given.get("top_k", int, 0, 1 << 20),
        "repeat_penalty": given.get("repetition_penalty", float, 0, 100),
        "stop": given.strings("stop", 16) or given.strings("stop_strings", 16) or None,
    }
    if given.body.get("do_sample") is False:
        read["temperature"] = 0
    task = {name: value for name, value in read.items() if value is not None}
    return repeated(task, 1, given)[0]
