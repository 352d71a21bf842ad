"""Score script: what an Azure Machine Learning deployment of the local model would run.

`init` and `run` are Azure ML's contract. The local `/score` route calls them, and so does
Microsoft's
`azureml-inference-server-http`, unchanged:

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

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from langchain_azure_llms.local import _shared_engine
from langchain_azure_llms.local._aml_response import AMLResponse
from langchain_azure_llms.local._chat import read_messages
from langchain_azure_llms.local._fields import Fields, InvalidFieldError
from langchain_azure_llms.local._json import loads
from langchain_azure_llms.local._pieces import EngineError, Task
from langchain_azure_llms.local._sampling import MOST_TOKENS, as_seed, read_seed
from langchain_azure_llms.local._text_engine import TextEngine

DEFAULT_MAX_TOKENS = 64

_BAD_REQUEST = 400
_SERVER_ERROR = 500
_MOST_STOPS = 16
_NO_PROMPT = "<|endoftext|>"  # llama.cpp answers an empty prompt with nothing

Shape = Callable[[list[str]], Any]


@dataclass(frozen=True)
class ScoreRequest:
    """A parsed request.

    Attributes:
        tasks: What to generate.
        prefixes: What to put before each text: the prompt, when the request asks for the full text.
        shape: Turns the texts into the answer of the request's schema.
    """

    tasks: list[Task]
    prefixes: list[str]
    shape: Shape


def init() -> None:
    """Load the model."""
    _shared_engine.acquire()


def run(raw_data: str) -> Any:
    """Answer one request with the model; see `answer`."""
    return answer(raw_data, _shared_engine.current())


def answer(raw_data: str, engine: TextEngine) -> Any:
    """Answer one request.

    Args:
        raw_data: The request's body.
        engine: What generates the texts.

    Returns:
        The answer as a JSON value, or an `AMLResponse` with status 400 when the request is wrong.

    Raises:
        EngineError: When the model failed.
    """
    try:
        request = read_request(loads(raw_data))
        texts = engine.texts(request.tasks)
    except ValueError as error:
        return _refuse(str(error))
    except EngineError as error:
        if error.status >= _SERVER_ERROR:
            raise
        return _refuse(str(error))
    full_texts = [prefix + text for prefix, text in zip(request.prefixes, texts, strict=True)]
    return request.shape(full_texts)


def read_request(body: Any) -> ScoreRequest:
    """Read a request in any of the schemas.

    Raises:
        InvalidFieldError: When it follows none of them, or a parameter has a wrong type or value.
    """
    fields = Fields(body)
    prompts, parameters, shape = _read_schema(fields)
    if isinstance(prompts, str):
        prompts = [prompts]
    if not isinstance(prompts, list) or not prompts:
        raise InvalidFieldError("The prompts must be a non-empty list.")
    sampling = _read_parameters(parameters)
    if all(isinstance(prompt, dict) for prompt in prompts):
        chat = Task("chat", {**sampling, "messages": read_messages(prompts)})
        return ScoreRequest([chat], [""], lambda texts: {"output": texts[0]})
    if not all(isinstance(prompt, str) for prompt in prompts):
        raise InvalidFieldError("Every prompt must be a string.")
    tasks = [
        Task("completions", {**sampling, "prompt": prompt or _NO_PROMPT}) for prompt in prompts
    ]
    full_text = parameters.flag("return_full_text")
    return ScoreRequest(tasks, prompts if full_text else [""] * len(prompts), shape)


def _read_schema(fields: Fields) -> tuple[Any, Fields, Shape]:
    """Tell the schema by its keys: return the prompts, the parameters and the answer's shape."""
    if isinstance(inputs := fields.get("inputs"), dict):
        return inputs.get("input_string"), fields.object("parameters"), _by_number
    if inputs is not None:
        shape = _as_summaries if fields.get("options") is not None else _as_generated_texts
        return inputs, fields.object("parameters"), shape
    if isinstance(data := fields.get("input_data"), dict):
        prompts = data.get("input_string")
        if "parameters" in data:
            return prompts, Fields(data).object("parameters"), _by_number
        return prompts, fields.object("parameters"), list
    if data is not None:
        return data, fields.object("params"), list
    raise InvalidFieldError("The body must have inputs or input_data.")


def _by_number(texts: list[str]) -> list[dict[str, str]]:
    return [{"0": text} for text in texts]


def _as_generated_texts(texts: list[str]) -> list[dict[str, dict[str, str]]]:
    return [{"0": {"generated_text": text}} for text in texts]


def _as_summaries(texts: list[str]) -> list[dict[str, str]]:
    return [{"summary_text": text} for text in texts]


def _read_parameters(parameters: Fields) -> dict[str, Any]:
    """Read the parameters, named as in Hugging Face's pipelines, into llama.cpp's.

    Unknown ones are dropped without a word, as Microsoft's servers do.
    """
    sampling: dict[str, Any] = {
        "max_tokens": parameters.integer("max_new_tokens", 1, MOST_TOKENS)
        or parameters.integer("max_tokens", 1, MOST_TOKENS)
        or DEFAULT_MAX_TOKENS,
        "temperature": parameters.number("temperature", 0, 100),
        "top_p": parameters.number("top_p", 0, 1),
        "top_k": parameters.integer("top_k", 0, MOST_TOKENS),
        "repeat_penalty": parameters.number("repetition_penalty", 0, 100),
        "stop": parameters.strings("stop", _MOST_STOPS)
        or parameters.strings("stop_strings", _MOST_STOPS)
        or None,
    }
    if (seed := read_seed(parameters)) is not None:
        sampling["seed"] = as_seed(seed)
    if parameters.get("do_sample") is False:
        sampling["temperature"] = 0
    return {name: value for name, value in sampling.items() if value is not None}


def _refuse(message: str) -> AMLResponse:
    return AMLResponse({"message": message}, _BAD_REQUEST, json_str=True)
