"""What both LLM classes share: settings, LangChain's interface, batches, saving."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import httpx2
from langchain_core.callbacks import (
    AsyncCallbackManagerForLLMRun,
    CallbackManagerForLLMRun,
    Callbacks,
)
from langchain_core.language_models.base import LanguageModelInput
from langchain_core.language_models.llms import BaseLLM
from langchain_core.outputs import GenerationChunk, LLMResult
from langchain_core.rate_limiters import BaseRateLimiter
from langchain_core.runnables import Runnable, RunnableConfig, RunnableSerializable
from langchain_core.runnables.utils import AnyConfigurableField
from pydantic import (
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from langchain_azure_llms._redaction import public_url
from langchain_azure_llms.auth import check_credential
from langchain_azure_llms.exceptions import ConflictingCredentialsError
from langchain_azure_llms.http import transports
from langchain_azure_llms.http.endpoint import Endpoint
from langchain_azure_llms.http.retry import RetryPolicy
from langchain_azure_llms.llms import batching, copying, generation, settings
from langchain_azure_llms.llms.cache_key import (
    calling_with,
    identity,
    redacted,
    settings_digest,
)
from langchain_azure_llms.llms.completion import RequestBuilder, refuse_other_than_text


class AzureLLM(BaseLLM):
    """Base of the LLMs on Azure. Subclasses say what is sent, where, and as whom."""

    max_retries: int = Field(default=2, ge=0)
    """How often a request that failed is sent again; 0 means one attempt.

    A request whose response never came may have been processed, and billed, before it is sent
    again.
    """
    retry_policy: RetryPolicy | None = None
    """Waits between retries, in full. When given, its `max_retries` counts, not the argument."""
    max_concurrency: int = Field(default=16, ge=1)
    """How many HTTP requests of one batch are in flight at most."""
    default_headers: Mapping[str, str] | None = Field(default=None, repr=False)
    """Headers that every request carries, in place of our own of the same name."""
    default_query: Mapping[str, object] | None = Field(default=None, repr=False)
    """Query parameters that every request carries."""
    http_client: Any | None = Field(default=None, repr=False, exclude=True)
    """Your own `httpx2.Client` for the sync methods: proxies, certificates, limits."""
    http_async_client: Any | None = Field(default=None, repr=False, exclude=True)
    """Your own `httpx2.AsyncClient` for the async methods."""
    rate_limiter: BaseRateLimiter | None = Field(default=None, repr=False, exclude=True)
    """Asked before each request; its retries are not counted."""
    credential: Any = Field(default=None, repr=False, exclude=True)
    """Who sends the requests: a key; an `azure.core.credentials.AzureKeyCredential`; a credential
    of azure-identity, sync or async; or a function, or coroutine function, that returns a token.

    One credential is one identity: its tokens are kept until shortly before they expire, shared by
    all callers, and fetched anew, once, when the service refuses one. A function's token is kept
    when it is an object with `token` and `expires_on`, or a JSON Web Token.
    """
    credential_scopes: tuple[str, ...] | None = None
    """What tokens are requested for; None means the service's own scope."""
    allow_plain_http: bool = False
    """Whether credentials and prompts may travel unencrypted beyond this machine."""

    _from_environment: frozenset[str] = PrivateAttr(default=frozenset())

    default_scopes: ClassVar[tuple[str, ...]]
    """The scope that tokens for the service have."""
    credential_settings: ClassVar[tuple[tuple[str, ...], ...]]
    """The settings that say who sends; those of one group are one credential."""
    shared_resources: ClassVar[tuple[str, ...]] = settings.SHARED_RESOURCES
    """Settings that are live objects: copies share them, and files do not hold them."""
    call_arguments: ClassVar[frozenset[str]] = frozenset()
    """Settings that a call may have of its own."""

    model_config = ConfigDict(
        populate_by_name=True, protected_namespaces=(), hide_input_in_errors=True
    )

    # --- what a subclass says ----------------------------------------------------------------

    endpoint_address: ClassVar[Any]
    """The endpoint's address, as it was configured."""

    @abstractmethod
    def _make_endpoint(self) -> Endpoint:
        """Return what all requests of this object have in common, checked."""

    @abstractmethod
    def _make_request_builder(
        self, stop: list[str] | None, params: dict[str, Any], *, stream: bool
    ) -> RequestBuilder:
        """Return what makes the requests of one call, checked."""

    @property
    @abstractmethod
    def secrets_in_use(self) -> dict[str, str]:
        """The secret settings that are used, with the environment variable that may hold each."""

    overridden_settings: ClassVar[Any] = frozenset()
    """Settings of the environment that do not count beside those that were passed."""
    fallback_model_name: ClassVar[Any] = None
    """The model's name for results, where no response tells it."""
    streams_always: ClassVar[Any] = False
    """Whether `generate` streams too."""

    # --- settings ----------------------------------------------------------------------------

    def __init__(self, **given: Any) -> None:
        problem = None
        try:
            super().__init__(**given)
        except ValidationError as error:
            problem = settings.configuration_error(type(self).__name__, error)
        if problem is not None:  # raised here, for pydantic's own holds what was passed
            raise problem
        self._from_environment = settings.from_environment(self)

    @property
    def environment_settings(self) -> frozenset[str]:
        """The settings that the environment gave when this object was made."""
        return self._from_environment

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Return the LLM that a mapping of settings describes, as the constructor does.

        Raises:
            ConfigurationError: If a setting is wrong, missing, or in conflict with another.
        """
        return cls(**obj) if isinstance(obj, Mapping) else super().model_validate(obj, **options)

    @model_validator(mode="before")
    @classmethod
    def _accept_arguments(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        known, unknown = settings.by_field_name(values, cls.model_fields, cls.__name__)
        return cls._accept_unknown(known, unknown)

    @classmethod
    def _accept_unknown(cls, known: dict[str, Any], unknown: dict[str, Any]) -> dict[str, Any]:
        """Refuse arguments that are not settings; a subclass may use them for something else."""
        for name in unknown:
            suggestion = settings.nearest(name, cls.model_fields)
            raise settings.unknown_argument(name, suggestion, cls.__name__)
        return known

    @field_validator("credential", mode="before")
    @classmethod
    def _check_credential(cls, value: Any) -> Any:
        credential = SecretStr(value) if isinstance(value, str) else value
        if credential is not None:
            check_credential(credential)
        return credential

    @field_validator("credential_scopes", mode="before")
    @classmethod
    def _check_scopes(cls, value: Any) -> Any:
        return settings.checked_scopes(value, cls.default_scopes[0])

    @model_validator(mode="after")
    def _check_shared_settings(self) -> Self:
        settings.check_http_client(self.http_client, httpx2.Client, "http_client")
        settings.check_http_client(self.http_async_client, httpx2.AsyncClient, "http_async_client")
        given = [next(filter(self.is_explicit, names), None) for names in self.credential_settings]
        if len(passed := [name for name in given if name is not None]) > 1:
            raise ConflictingCredentialsError(
                f"Two credentials were passed, {passed[0]} and {passed[1]}; only one can be sent."
            )
        self._add_version(settings.PACKAGE, settings.package_version())
        return self

    def is_explicit(self, name: str) -> bool:
        """Return whether a setting was passed, and is not None."""
        return name in self.model_fields_set and getattr(self, name) is not None

    @cached_property
    def endpoint(self) -> Endpoint:
        """Where requests go, and as whom; derived from the settings, anew when one is assigned."""
        return self._make_endpoint()

    @cached_property
    def settings_digest(self) -> str:
        """Tells LLM objects with other settings apart in caches; anew when one is assigned."""
        return settings_digest(self)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, copying.as_secret(self, name, value))
        if name in type(self).model_fields:
            copying.drop_cached(self)

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        copying.drop_cached(self)

    def __eq__(self, other: object) -> bool:
        """Compare class and settings."""
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in type(self).model_fields)

    __hash__ = None  # type: ignore[assignment] # settings can change

    def __repr_args__(self) -> Any:
        for name, value in super().__repr_args__():
            is_url = name is not None and name.endswith(("_url", "_endpoint", "_base"))
            yield name, public_url(value) if is_url and isinstance(value, str) else value

    # --- copied and saved --------------------------------------------------------------------

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with other settings, which are not checked before the next call."""
        given = update or {}
        changed = {name: copying.as_secret(self, name, value) for name, value in given.items()}
        return super().model_copy(update=changed, deep=deep)

    def __copy__(self) -> Self:
        copied = super().__copy__()
        copying.drop_cached(copied)
        return copied

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return copying.deep_copy(self, {} if memo is None else memo)

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what a pickle holds. Secrets of the environment stay: the child reads its own."""
        return copying.reduced(self)

    def save(self, file_path: Path | str) -> None:
        """Save the settings as JSON or YAML, by the file's suffix, whole or not at all.

        What was given, as an argument or by the environment, is saved. Credentials are not, nor
        what may hold one: user-info, and values of headers and query parameters that are not known
        to be harmless. A warning names what was given and left out.

        Args:
            file_path: A path that ends in .json, .yaml or .yml. Missing folders are made.

        Raises:
            UnsupportedFileError: If the suffix is another.
            ConfigurationError: If this class, or its content formatter's, is not registered.
            OSError: If the file cannot be written.
        """
        copying.save(self, Path(file_path))

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Say that LangChain's `dumps` works."""
        return True

    def to_json(self) -> Any:
        """Return the form that LangChain's `dumps` writes: settings, and references to secrets."""
        return copying.as_serialized(self)

    def asdict(self) -> dict[str, Any]:
        """Return what identifies this LLM and the call under way; caches and tracers use it."""
        return {**super().asdict(), **identity(self)}

    # --- LangChain's interface ---------------------------------------------------------------

    def generate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        callbacks: Callbacks | list[Callbacks] | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        """Complete prompts; see LangChain's `BaseLLM.generate`."""
        kwargs = redacted(kwargs)
        with calling_with(self, kwargs):
            return super().generate(prompts, stop, callbacks or None, **kwargs)

    async def agenerate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        callbacks: Callbacks | list[Callbacks] | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        """Complete prompts; see LangChain's `BaseLLM.agenerate`."""
        kwargs = redacted(kwargs)
        with calling_with(self, kwargs):
            return await super().agenerate(prompts, stop, callbacks or None, **kwargs)

    def stream(
        self,
        input: LanguageModelInput,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> Iterator[str]:
        """Complete a prompt piece by piece; see LangChain's `BaseLLM.stream`."""
        return super().stream(input, config, stop=stop, **redacted(kwargs))

    def astream(
        self,
        input: LanguageModelInput,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[str]:
        """Complete a prompt piece by piece; see LangChain's `BaseLLM.astream`."""
        return super().astream(input, config, stop=stop, **redacted(kwargs))

    def _generate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        if self.streams_always:
            return generation.generate_from_streams(self, prompts, stop, run_manager, kwargs)
        return generation.generate(self, prompts, stop, kwargs)

    async def _agenerate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        if self._overrides_only("_generate", "_agenerate"):
            return await super()._agenerate(prompts, stop, run_manager, **kwargs)
        if self.streams_always:
            return await generation.agenerate_from_streams(self, prompts, stop, run_manager, kwargs)
        return await generation.agenerate(self, prompts, stop, kwargs)

    def _stream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[GenerationChunk]:
        return generation.stream(self, prompt, stop, run_manager, kwargs)

    def _astream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[GenerationChunk]:
        if self._overrides_only("_stream", "_astream"):
            return super()._astream(prompt, stop, run_manager, **kwargs)
        return generation.astream(self, prompt, stop, run_manager, kwargs)

    def _overrides_only(self, sync: str, asynchronous: str) -> bool:
        """Return whether a subclass has a sync method of its own, and not its async twin."""
        cls = type(self)
        own = getattr(cls, sync) is not getattr(AzureLLM, sync)
        return own and getattr(cls, asynchronous) is getattr(AzureLLM, asynchronous)

    def request_builder(
        self,
        prompts: Sequence[str],
        stop: list[str] | None,
        params: dict[str, Any],
        *,
        stream: bool,
    ) -> RequestBuilder:
        """Return what makes the requests of one call.

        Raises:
            ConfigurationError: If a prompt is not text, or an argument is not one of a call.
        """
        refuse_other_than_text(prompts)
        settings.refuse_settings(params, type(self))
        return self._make_request_builder(stop, params, stream=stream)

    # --- batches -----------------------------------------------------------------------------

    def batch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[str]:
        """Complete many prompts at once; see LangChain's `Runnable.batch`.

        Args:
            inputs: The prompts.
            config: LangChain's config, for all prompts or one for each. Its `max_concurrency`
                counts HTTP requests in flight, and comes before the field of that name.
            return_exceptions: Whether each prompt gets its own completion or its own error.
            **kwargs: Parameters of the call.

        Returns:
            The completions, in the prompts' order.

        Raises:
            AzureLLMError: The first error, which says which prompt it belongs to; unless
                `return_exceptions`.
        """
        return batching.batch(self, inputs, config, kwargs, return_exceptions=return_exceptions)

    async def abatch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[str]:
        """Complete many prompts at once in asyncio; see `batch`."""
        named = {"return_exceptions": return_exceptions}
        return await batching.abatch(self, inputs, config, kwargs, **named)

    def batch_as_completed(  # type: ignore[override] # of its overloads, the one that fits both
        self,
        inputs: Sequence[LanguageModelInput],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> Iterator[tuple[int, str | Exception]]:
        """Yield each prompt's number and completion as soon as it is there.

        At most `max_concurrency` prompts are begun and not yet yielded, and nothing that was
        yielded is kept: memory does not grow with the number of prompts. Arguments and errors are
        those of `batch`.
        """
        limit = batching.concurrency_limit(config, inputs, self.max_concurrency)
        with closing(
            batching.batch_as_completed(
                self, inputs, config, kwargs, limit=limit, return_exceptions=return_exceptions
            )
        ) as done:
            yield from done

    async def abatch_as_completed(  # type: ignore[override] # as above
        self,
        inputs: Sequence[LanguageModelInput],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> AsyncIterator[tuple[int, str | Exception]]:
        """Yield each prompt's number and completion, in asyncio; see `batch_as_completed`."""
        limit = batching.concurrency_limit(config, inputs, self.max_concurrency)
        async with aclosing(
            batching.abatch_as_completed(
                self, inputs, config, kwargs, limit=limit, return_exceptions=return_exceptions
            )
        ) as done:
            async for one in done:
                yield one

    @property
    def overrides_generate(self) -> bool:
        """Whether a subclass has a `generate`, sync or async, of its own."""
        names = ("generate", "agenerate", "_generate", "_agenerate")
        cls, own = type(self), vars(self)
        return any(n in own or getattr(cls, n) is not getattr(AzureLLM, n) for n in names)

    @property
    def runs_in_event_loop(self) -> bool:
        """Whether a sync batch sends its requests in an event loop: only where that is the same."""
        own_client = self.http_client is not None or self.http_async_client is not None
        if own_client or self.overrides_generate:
            return False
        return self.endpoint.authorization.supports_sync

    # --- and the rest ------------------------------------------------------------------------

    def with_retry(self, **options: Any) -> Runnable[LanguageModelInput, str]:
        """Return a runnable that tries again; see LangChain's `Runnable.with_retry`.

        Args:
            **options: Those of LangChain. Without `retry_if_exception_type`, only errors whose
                `is_retryable` is true are retried. Of a batch, only the prompts that failed are
                sent again.
        """
        from langchain_azure_llms.llms.retrying import retrying  # noqa: PLC0415 - rarely needed

        return retrying(super().with_retry, options)

    def configurable_fields(self, **kwargs: AnyConfigurableField) -> RunnableSerializable[Any, str]:
        """Let each call set some settings; see LangChain's `configurable_fields`."""
        from langchain_azure_llms.llms.configurable import (  # noqa: PLC0415 - rarely needed
            ConfigurableLLM,
        )

        made: Any = super().configurable_fields(**kwargs)
        return ConfigurableLLM(default=made.default, fields=made.fields)

    def close(self) -> None:
        """Close the connections for sync calls that LLM objects with these network settings share.

        The objects stay usable: their next calls open new ones. Requests that are in flight on
        these connections fail. A client of your own stays open.
        """
        transports.close_sync(self.endpoint.network)

    async def aclose(self) -> None:
        """Close the connections of the running event loop, as `close` does."""
        await transports.close_async(self.endpoint.network)
