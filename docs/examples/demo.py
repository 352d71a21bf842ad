"""A tour: a small real model behind Azure's routes on this machine, asked through every class."""

import sys
import time
from collections.abc import Iterator
from textwrap import shorten

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import PromptTemplate

from langchain_azure_llms import (
    AzureMLOnlineEndpoint,
    AzureOpenAI,
    ContentFormatterBase,
    CustomOpenAIContentFormatter,
    DollyContentFormatter,
    GPT2ContentFormatter,
    HFContentFormatter,
    MLflowContentFormatter,
    OpenAIChatContentFormatter,
)
from langchain_azure_llms.exceptions import AzureLLMError
from langchain_azure_llms.local import LocalEndpoints, LocalEndpointsError

WIDTH = 78
DEPLOYMENT = "gpt-35-turbo-instruct"
PROMPT = PromptTemplate.from_template("The capital of {country} is")
STORY = "Once upon a time, a lighthouse keeper"

# The formatter, the endpoint's path, and the country to ask about.
ONLINE_ENDPOINTS: list[tuple[ContentFormatterBase, str, str]] = [
    (GPT2ContentFormatter(), "/score", "Italy"),
    (DollyContentFormatter(), "/score", "Japan"),
    (HFContentFormatter(), "/score", "Greece"),
    (MLflowContentFormatter(), "/score", "Poland"),
    (CustomOpenAIContentFormatter(), "/score", "Egypt"),
    (CustomOpenAIContentFormatter(), "/v1/completions", "Spain"),
    (OpenAIChatContentFormatter(), "/v1/chat/completions", "Norway"),
]


def main() -> int:
    """Run the tour; return the exit code."""
    try:
        with LocalEndpoints() as endpoints:
            show_tour(endpoints)
    except (LocalEndpointsError, AzureLLMError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def show_tour(endpoints: LocalEndpoints) -> None:
    """Ask through every class and formatter, then stream."""
    print(f"Azure's routes, answered by SmolLM2-135M on this machine: {endpoints.url}\n")
    print("PromptTemplate | llm | StrOutputParser")
    print("-" * WIDTH)
    for name, served_by, llm, country in askable(endpoints):
        chain = PROMPT | llm | StrOutputParser()
        started = time.perf_counter()
        answer = chain.invoke({"country": country})
        show_answer(name, served_by, time.perf_counter() - started, country, answer)
    llm = azure_openai(endpoints, max_tokens=48)
    print("AzureOpenAI.stream, token by token")
    print("-" * WIDTH)
    show_stream(llm, STORY)


def azure_openai(endpoints: LocalEndpoints, max_tokens: int) -> AzureOpenAI:
    """Return an LLM on a text-completion deployment."""
    return AzureOpenAI(
        azure_endpoint=endpoints.url,
        api_key=endpoints.api_key,
        api_version="2024-10-21",
        azure_deployment=DEPLOYMENT,
        temperature=0,
        max_tokens=max_tokens,
    )


def askable(
    endpoints: LocalEndpoints,
) -> Iterator[tuple[str, str, AzureOpenAI | AzureMLOnlineEndpoint, str]]:
    """Give, for each LLM, its name, what serves it, the LLM itself and a country to ask about."""
    yield "AzureOpenAI", f"deployment {DEPLOYMENT}", azure_openai(endpoints, 24), "France"
    for formatter, path, country in ONLINE_ENDPOINTS:
        limit = "max_new_tokens" if path == "/score" else "max_tokens"
        llm = AzureMLOnlineEndpoint(
            endpoint_url=endpoints.url + path,
            endpoint_api_key=endpoints.api_key,
            content_formatter=formatter,
            model_kwargs={"temperature": 0, limit: 24},
        )
        name = f"AzureMLOnlineEndpoint + {type(formatter).__name__}"
        yield name, f"{llm.endpoint_api_type}, {path}", llm, country


def show_answer(name: str, served_by: str, seconds: float, country: str, answer: str) -> None:
    """Print who answered, how long it took, and the start of the answer."""
    took = f"{seconds:.2f} s"
    print(f"{name}{took:>{WIDTH - len(name)}}")
    told = f"{PROMPT.format(country=country)} ... {' '.join(answer.split())}"
    print(f"  {served_by}")
    print(f"  {shorten(told, WIDTH - 2, placeholder=' ...')}\n")


def show_stream(llm: AzureOpenAI, prompt: str) -> None:
    """Print a text while it is written, and how fast that was."""
    print(prompt, end="", flush=True)
    column, tokens = len(prompt), 0
    started = time.perf_counter()
    for token in llm.stream(prompt):
        tokens += bool(token)
        text = token.replace("\n", " ")
        if column + len(text) > WIDTH:
            text, column = "\n" + text.lstrip(), 0
        column += len(text)
        print(text, end="", flush=True)
    seconds = time.perf_counter() - started
    print(f"\n\n{tokens} tokens in {seconds:.2f} s.")


if __name__ == "__main__":
    sys.exit(main())
