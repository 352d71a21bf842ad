"""What `/score` answers.

The same request is answered in several forms, depending on when the model was deployed: the model
catalogue's older servers say `[{"0": text}]`, today's `{"output": [text], "finish_reason", ...}`,
MLflow's own server wraps both into `{"predictions": ...}`, and score scripts of one's own answer as
they like. All of them name one text for the one prompt that was sent.
"""

from __future__ import annotations

from typing import Any

from langchain_core.outputs import Generation

from langchain_azure_llms.formatters._json import dump, load, unexpected
from langchain_azure_llms.formatters.base import AzureMLEndpointApiType, ContentFormatterBase

_ENVELOPES = ("output", "predictions", "0")
_TEXTS = ("generated_text", "summary_text", "text")


class ScoreContentFormatter(ContentFormatterBase):
    """A formatter for `/score`: its subclasses say what the request looks like.

    Attributes:
        answer_form: The form the answer should have, for the error when it has another.
    """

    answer_form: str = ""

    def payload(self, prompt: str, model_kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the request payload for a prompt."""
        raise NotImplementedError(f"{type(self).__name__} must define payload.")

    def format_request_payload(
        self,
        prompt: str,
        model_kwargs: dict[str, Any],
        api_type: AzureMLEndpointApiType = AzureMLEndpointApiType.dedicated,  # noqa: ARG002 - the base's
    ) -> bytes:
        """Return the request body for a prompt.

        Raises:
            ConfigurationError: If a model argument is not JSON.
        """
        return dump(self.payload(prompt, model_kwargs))

    def format_response_payload(
        self,
        output: bytes,
        api_type: AzureMLEndpointApiType = AzureMLEndpointApiType.dedicated,  # noqa: ARG002 - the base's
    ) -> Generation:
        """Return the text that a scoring response carries.

        Raises:
            ResponseFormatError: If it carries none.
        """
        return read_score(output, type(self).__name__, self.answer_form)


def read_score(output: bytes, formatter: str, expected: str) -> Generation:
    """Return the text that a scoring response carries.

    Args:
        output: The response body.
        formatter: Who reads it, for the error.
        expected: The form it should have, for the error.

    Raises:
        ResponseFormatError: If no text is found.
    """
    value = load(output, formatter)
    text = _text_of(value)
    if text is None:
        unexpected(output, formatter, expected)
    return Generation(text=text, generation_info=_info_of(value) or None)


def _text_of(value: Any) -> str | None:
    """Unwrap until a text appears; six levels are more than any known server wraps."""
    for _ in range(6):
        match value:
            case str():
                return value
            case [first, *_]:
                value = first
            case dict():
                known = (value[key] for key in (*_ENVELOPES, *_TEXTS) if key in value)
                value = next(known, None)
            case _:
                return None
    return None


def _info_of(value: Any) -> dict[str, Any]:
    """Return what a model-serve answer tells beside its text."""
    if not isinstance(value, dict):
        return {}
    info = {"finish_reason": value.get("finish_reason"), "model_name": value.get("model")}
    usage = value.get("usage")
    if isinstance(usage, dict):
        info["token_usage"] = usage
    return {key: found for key, found in info.items() if found is not None}
