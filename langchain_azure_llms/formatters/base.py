"""The base class of content formatters, and the api types that one may support."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, Literal

from langchain_core.outputs import GenerationChunk


class AzureMLEndpointApiType(StrEnum):
    """How a model is hosted, which decides the schema of its endpoint.

    `dedicated` endpoints run on compute of your own (managed online endpoints, Kubernetes);
    `serverless` ones are billed per token and use OpenAI's schema. `realtime` is the old name of
    `dedicated`.
    """

    dedicated = "dedicated"
    realtime = "realtime"
    serverless = "serverless"


class ContentFormatterBase:
    """Translates between a prompt and the schema that a deployed model expects.

    Subclass it for a model that none of the built-in formatters fits:

        class SummaryFormatter(ContentFormatterBase):
            content_type = "application/json"
            accepts = "application/json"

            def format_request_payload(self, prompt, model_kwargs) -> bytes:
                return json.dumps({"inputs": [prompt], "parameters": model_kwargs}).encode()

            def format_response_payload(self, output) -> str:
                return json.loads(output)[0]["summary_text"]

    Both methods may take the api type as one more argument. Prompts should be sent verbatim:
    `json.dumps` does the escaping that JSON requires.

    Attributes:
        content_type: MIME type of the request payload.
        accepts: MIME type of the response payload.
        stream_format: How a streamed body is cut into the pieces that `format_stream_event` gets:
            "events" (server-sent events), "lines" (such as NDJSON), or "text", as it arrives.
        stream_end_marker: The data of a stream's last event, if the format has one: a stream that
            ends without it is incomplete. None means that streams end with their connection.
        format_error_msg: A message for subclasses to raise with; takes `api_type`.
    """

    content_type: str | None = "application/json"
    accepts: str | None = "application/json"
    stream_format: Literal["events", "lines", "text"] = "events"
    stream_end_marker: str | None = None
    format_error_msg: str = (
        "The response cannot be read for an endpoint of type `{api_type}`. "
        "Does this formatter belong to the deployed model?"
    )

    def __eq__(self, other: object) -> bool:
        """Return whether the other has the same class and the same state."""
        if not isinstance(other, ContentFormatterBase) or type(self) is not type(other):
            return NotImplemented
        return self.state == other.state

    def __repr__(self) -> str:
        """Return the class and the names of what it keeps: values may be secret."""
        return f"{type(self).__name__}({', '.join(f'{name}=...' for name in self.state)})"

    @property
    def state(self) -> dict[str, Any]:
        """All attributes of this object, those in slots included."""
        slots = [name for cls in type(self).__mro__ for name in _slots(cls)]
        return {
            **getattr(self, "__dict__", {}),
            **{name: getattr(self, name) for name in slots if hasattr(self, name)},
        }

    def __hash__(self) -> int:
        return hash(type(self))

    @staticmethod
    def escape_special_characters(prompt: str) -> str:
        r"""Return the prompt with `"`, `\`, and control characters escaped by backslashes.

        For subclasses that build JSON by hand. The built-in formatters do not use it.
        """
        return prompt.translate(_ESCAPES)

    @property
    def supported_api_types(self) -> Sequence[AzureMLEndpointApiType]:
        """The api types whose schema this formatter knows; `dedicated` unless overridden."""
        return [AzureMLEndpointApiType.dedicated]

    @property
    def streaming_api_types(self) -> Sequence[AzureMLEndpointApiType]:
        """The api types whose schema has streams of server-sent events; none unless overridden.

        For these, a streamed request has `"stream": True` among its model arguments, and
        `format_stream_event` parses each event.
        """
        return []

    def format_request_payload(
        self,
        prompt: str,
        model_kwargs: dict[str, Any],
        api_type: AzureMLEndpointApiType = AzureMLEndpointApiType.dedicated,
    ) -> Any:
        """Return the request body for a prompt.

        Args:
            prompt: The prompt, as the caller passed it.
            model_kwargs: Model parameters of this call.
            api_type: How the model is hosted.

        Returns:
            Bytes, or text, which is sent as UTF-8, or an object with `read`.
        """
        raise NotImplementedError(_must_define(self, "format_request_payload"))

    def format_response_payload(
        self,
        output: bytes,
        api_type: AzureMLEndpointApiType = AzureMLEndpointApiType.dedicated,
    ) -> Any:
        """Return the completion that a response body holds.

        Args:
            output: The body.
            api_type: How the model is hosted.

        Returns:
            The completion as text, as a `Generation`, or as a list of `Generation`s when the
            service was asked for several.
        """
        raise NotImplementedError(_must_define(self, "format_response_payload"))

    def format_stream_event(
        self,
        data: str,
        api_type: AzureMLEndpointApiType = AzureMLEndpointApiType.serverless,
    ) -> GenerationChunk | str | None:
        """Return what an event of a stream adds, or None if it adds nothing.

        Args:
            data: The event's data.
            api_type: How the model is hosted.
        """
        raise NotImplementedError(_must_define(self, "format_stream_event"))


def _slots(cls: type) -> tuple[str, ...]:
    slots: str | Iterable[str] = cls.__dict__.get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else slots
    return tuple(name for name in names if not name.startswith("__"))


def _must_define(formatter: ContentFormatterBase, method: str) -> str:
    return f"{type(formatter).__name__} must define {method}."


_ESCAPES = str.maketrans(
    {
        "\\": "\\\\",
        '"': '\\"',
        "\b": "\\b",
        "\f": "\\f",
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
    }
)
