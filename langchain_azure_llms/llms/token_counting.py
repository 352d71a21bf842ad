"""Counting tokens, with tiktoken where it is installed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from langchain_azure_llms._install import install_command
from langchain_azure_llms.exceptions import ConfigurationError

_CONTEXT_SIZES = {
    "ada": 2049,
    "babbage": 2049,
    "babbage-002": 16384,
    "code-cushman-001": 2048,
    "code-davinci-002": 8001,
    "curie": 2049,
    "davinci": 2049,
    "davinci-002": 16384,
    "gpt-3.5-turbo-instruct": 4096,
    "gpt-35-turbo-instruct": 4096,
    "text-ada-001": 2049,
    "text-babbage-001": 2049,
    "text-curie-001": 2049,
    "text-davinci-002": 4097,
    "text-davinci-003": 4097,
}
"""Tokens that prompt and completion share, by text-completion model.

Source: the tables of Microsoft's page "Azure OpenAI models" and of OpenAI's "Deprecations".
"""


NO_TOKENIZER = (
    "Counting tokens needs the model's tokenizer: pass custom_get_token_ids, a function that "
    "returns a text's tokens; or install transformers, with which LangChain counts those of GPT-2."
)


def context_size(model: str) -> int:
    """Return how many tokens a text-completion model's prompt and completion may have together.

    Args:
        model: The model's name; a fine-tuned one's begins with its base: `davinci-002:ft-...`.

    Raises:
        ConfigurationError: If the model is not known.
    """
    model = model.partition(":")[0]
    if model not in _CONTEXT_SIZES:
        raise ConfigurationError(
            f"The context size of model {model!r} is not known: pass max_tokens as a number. Known "
            f"models: {', '.join(_CONTEXT_SIZES)}."
        )
    return _CONTEXT_SIZES[model]


def token_ids(
    text: str,
    model: str,
    allowed_special: Literal["all"] | set[str],
    disallowed_special: Literal["all"] | Collection[str],
) -> list[int]:
    """Return a text's tokens by tiktoken.

    A model that tiktoken does not know is taken to use `cl100k_base`.

    Raises:
        ConfigurationError: If tiktoken is not installed, or cannot load its tables.
    """
    try:
        import tiktoken  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise ConfigurationError(
            "Counting tokens needs a tokenizer: pass custom_get_token_ids, or install tiktoken: "
            f"{install_command('tiktoken')}."
        ) from None
    try:
        try:
            encoding = tiktoken.encoding_for_model(model)
        except KeyError:
            encoding = tiktoken.get_encoding("cl100k_base")
    except Exception as error:
        raise ConfigurationError(
            f"tiktoken could not load its tables ({type(error).__name__}): it fetches them once. "
            "Pass custom_get_token_ids, or set TIKTOKEN_CACHE_DIR to a folder that holds them."
        ) from error
    return encoding.encode(
        text, allowed_special=allowed_special, disallowed_special=disallowed_special
    )
