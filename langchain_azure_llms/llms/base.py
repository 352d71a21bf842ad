"""What both LLM classes share: settings, LangChain's interface, batches, saving."""

# Annotations are evaluated here, not among the names of a user's subclass.

from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import aclosing
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
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
    ValidationError,
    model_validator,
)

from langchain_azure_llms.http import transports
from langchain_azure_llms.http.endpoint import Endpoint
from langchain_azure_llms.http.retry import RetryPolicy
from langchain_azure_llms.llms import (
    batching,
    bulk_methods,
    checks,
    copying,
    generation,
    overriding,
    settings,
)
from langchain_azure_llms.llms.cache_key import calling_with, identity, redacted, settings_digest
from langchain_azure_llms.llms.overriding import GENERATING, STREAMING

Stop = list[str] | None
Manager = CallbackManagerForLLMRun | None
AsyncManager = AsyncCallbackManagerForLLMRun | None


class AzureLLM(BaseLLM):
    """Base of the LLMs on Azure. Subclasses say what is sent, where, and as whom."""

    max_retries: int = Field(default=2, ge=0)
    """How often a request is sent again; one whose response never came may be billed twice."""
    retry_policy: RetryPolicy | None = None
    """Waits between retries, in full. When given, its `max_retries` counts, not the argument."""
    max_concurrency: int = Field(default=16, ge=1)
    """How many HTTP requests of one batch are in flight at most."""
    default_headers: Mapping[str, str] | None = Field(default=None, repr=False)
    """Headers that every request carries, in place of our own of the same name."""
    default_query: Mapping[str, object] | None = Field(default=None, repr=False)
    """Query parameters that every request carries."""
    http_client: checks.SyncClient = Field(default=None, repr=False, exclude=True)
    """Your own `httpx2.Client` for the sync methods: proxies, certificates, limits."""
    http_async_client: checks.AsyncClient = Field(default=None, repr=False, exclude=True)
    """Your own `httpx2.AsyncClient` for the async methods."""
    verify: checks.Verified = Field(default=True, repr=False)
    """How certificates are checked, as in httpx2: a bool, a file or folder, an `SSLContext`."""
    rate_limiter: BaseRateLimiter | None = Field(default=None, repr=False, exclude=True)
    """Asked before each request; its retries are not counted."""
    credential: checks.Credential = Field(default=None, repr=False, exclude=True)
    """Who sends the requests: a key; an `azure.core.credentials.AzureKeyCredential`; a credential
    of azure-identity, sync or async; or a function, or coroutine function, that returns a token.

    Tokens are kept until shortly before they expire; a function's, when it is an object with
    `token` and `expires_on`, or a JSON Web Token.
    """
    credential_scopes: checks.Scopes = None
    """What tokens are requested for; None means the service's own scope."""
    allow_plain_http: bool = False
    """Whether credentials and prompts may travel unencrypted beyond this machine."""

    _from_environment: frozenset[str] = PrivateAttr(default=frozenset())
    model_config = ConfigDict(
        populate_by_name=True, protected_namespaces=(), hide_input_in_errors=True
    )

    default_scopes: ClassVar[tuple[str, ...]]
    """The scope that tokens for the service have."""
    credential_settings: ClassVar[tuple[tuple[str, ...], ...]]
    """The settings that say who sends; those of one group are one credential."""
    shared_resources: ClassVar[tuple[str, ...]] = settings.SHARED_RESOURCES
    """Settings that are live objects: copies share them, and files do not hold them."""
    other_names: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """What other libraries call settings of this class, each with its name here."""
    call_arguments: ClassVar[frozenset[str]] = frozenset()
    """Settings that a call may have of its own."""
    endpoint_address: ClassVar[Any]
    """The endpoint's address, as it was configured."""
    overridden_settings: ClassVar[Any] = frozenset()
    """Settings of the environment that do not count beside those that were passed."""
    fallback_model_name: ClassVar[Any] = None
    """The model's name for results, where no response tells it."""
    streams_always: ClassVar[Any] = False
    """Whether `generate` streams too."""

    @property
    @abstractmethod
    def secrets_in_use(self) -> dict[str, str]:
        """The secret settings that are used, with the environment variable that may hold each."""

    @abstractmethod
    def _make_endpoint(self) -> Endpoint:
        """Return what all requests of this object have in common, checked."""

    @abstractmethod
    def request_builder(self, stop: Stop, params: dict[str, Any], *, stream: bool) -> Any:
        """Return the `RequestBuilder` of one call; refuse arguments that are not a call's."""

    def __init__(self, **given: Any) -> None:
        problem = None
        try:
            super().__init__(**given)
        except ValidationError as error:
            problem = settings.configuration_error(type(self).__name__, error)
        if problem is not None:  # not in the except clause: pydantic's error holds the secrets
            raise problem
        self._from_environment = settings.from_environment(self)

    @property
    def environment_settings(self) -> frozenset[str]:
        """The settings that the environment gave when this object was made."""
        return self._from_environment

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Return the LLM that a mapping of settings describes; errors are the constructor's."""
        return cls(**obj) if isinstance(obj, Mapping) else super().model_validate(obj, **options)

    @model_validator(mode="before")
    @classmethod
    def _accept_arguments(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        known, unknown = settings.by_field_name(values, cls.model_fields, cls.__name__)
        accepted = cls._accept_unknown(known, unknown)
        settings.check_model_kwargs(accepted, cls)
        return accepted

    @classmethod
    def _accept_unknown(cls, known: dict[str, Any], unknown: dict[str, Any]) -> dict[str, Any]:
        """Refuse arguments that are not settings; a subclass may use them for something else."""
        for name in unknown:
            raise settings.unknown_argument(name, cls)
        return known

    @model_validator(mode="after")
    def _check_shared_settings(self) -> Self:
        checks.check_one_credential(self)
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
        checked = checks.checked_assignment(type(self), name, copying.as_secret(self, name, value))
        super().__setattr__(name, checked)
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
        return map(checks.shown, super().__repr_args__())

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with other settings, which are not checked before the next call."""
        changed = {n: copying.as_secret(self, n, value) for n, value in (update or {}).items()}
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
        """Save the settings that were given, as arguments or by the environment.

        Credentials are not saved, nor what may hold one: user-info, and values of headers and query
        parameters that are not known to be harmless. A warning names what was left out.

        Args:
            file_path: A path that ends in .json, .yaml or .yml. Missing folders are made.

        Raises:
            UnsupportedFileError: If the suffix is another.
            ConfigurationError: If this class, or its content formatter's, is not registered.
        """
        copying.save(self, Path(file_path))

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Say that LangChain's `dumps` works."""
        return True

    def to_json(self) -> Any:
        """Return the form that LangChain's `dumps` writes."""
        return copying.as_serialized(self)

    def asdict(self) -> dict[str, Any]:
        """Return what identifies this LLM and the call under way; caches and tracers use it."""
        return {**super().asdict(), **identity(self)}

    def generate(
        self, prompts: list[str], stop: Stop = None, callbacks: Any = None, **kwargs: Any
    ) -> LLMResult:
        """Complete prompts; see LangChain's `BaseLLM.generate`."""
        kwargs = redacted(kwargs)
        with calling_with(self, kwargs):
            return super().generate(prompts, stop, callbacks or None, **kwargs)

    async def agenerate(
        self, prompts: list[str], stop: Stop = None, callbacks: Any = None, **kwargs: Any
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
        if self.overrides(GENERATING) and not self.overrides(STREAMING):  # as LangChain's base does
            return iter([self.invoke(input, config, stop=stop, **kwargs)])
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
        if self.overrides(GENERATING) and not self.overrides(STREAMING):
            return overriding.as_stream(self.ainvoke(input, config, stop=stop, **kwargs))
        return super().astream(input, config, stop=stop, **redacted(kwargs))

    def _generate(
        self, prompts: list[str], stop: Stop = None, run_manager: Manager = None, **kwargs: Any
    ) -> LLMResult:
        if "_call" in overriding.overridden(type(self), AzureLLM):
            return overriding.generate_by_call(self, prompts, stop, run_manager, kwargs)
        return generation.generate(self, prompts, stop, run_manager, kwargs)

    async def _agenerate(
        self,
        prompts: list[str],
        stop: Stop = None,
        run_manager: AsyncManager = None,
        **kwargs: Any,
    ) -> LLMResult:
        if self.overrides({"_acall"}):
            return await overriding.agenerate_by_call(self, prompts, stop, run_manager, kwargs)
        if self.overrides({"_generate", "_call"}) and not self.overrides({"_agenerate"}):
            return await super()._agenerate(prompts, stop, run_manager, **kwargs)
        return await generation.agenerate(self, prompts, stop, run_manager, kwargs)

    def _stream(
        self, prompt: str, stop: Stop = None, run_manager: Manager = None, **kwargs: Any
    ) -> Iterator[GenerationChunk]:
        return generation.stream(self, prompt, stop, run_manager, kwargs)

    def _astream(
        self, prompt: str, stop: Stop = None, run_manager: AsyncManager = None, **kwargs: Any
    ) -> AsyncIterator[GenerationChunk]:
        if self.overrides({"_stream"}) and not self.overrides({"_astream"}):
            return super()._astream(prompt, stop, run_manager, **kwargs)
        return generation.astream(self, prompt, stop, run_manager, kwargs)

    def _call(
        self, prompt: str, stop: Stop = None, run_manager: Manager = None, **kwargs: Any
    ) -> str:
        found = generation.generate(self, [prompt], stop, run_manager, kwargs)
        return found.generations[0][0].text

    async def _acall(
        self, prompt: str, stop: Stop = None, run_manager: AsyncManager = None, **kwargs: Any
    ) -> str:
        found = await generation.agenerate(self, [prompt], stop, run_manager, kwargs)
        return found.generations[0][0].text

    def overrides(self, methods: AbstractSet[str]) -> bool:
        """Return whether a subclass, or this object, has one of these hooks of its own."""
        own = overriding.overridden(type(self), AzureLLM)
        return not methods.isdisjoint(own) or not methods.isdisjoint(vars(self))

    def batch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[str]:
        """Complete many prompts at once; see LangChain's `Runnable.batch`.

        `max_concurrency` of `config` counts HTTP requests in flight, and comes before the field of
        that name. The first error is raised, and says which prompt it belongs to; with
        `return_exceptions`, each prompt gets its own completion or its own error.
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
        """Yield each prompt's number and completion as soon as it is there; see `batch`.

        Nothing that was yielded is kept: memory does not grow with the number of prompts.
        """
        yield from batching.batch_as_completed(
            self, inputs, config, kwargs, self.max_concurrency, return_exceptions=return_exceptions
        )

    async def abatch_as_completed(  # type: ignore[override] # as above
        self,
        inputs: Sequence[LanguageModelInput],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> AsyncIterator[tuple[int, str | Exception]]:
        """Yield each prompt's number and completion, in asyncio; see `batch_as_completed`."""
        done = batching.abatch_as_completed(
            self, inputs, config, kwargs, self.max_concurrency, return_exceptions=return_exceptions
        )
        async with aclosing(done):
            async for one in done:
                yield one

    records = bulk_methods.records  # type: ignore[pydantic-field] # methods, not fields
    arecords = bulk_methods.arecords  # type: ignore[pydantic-field]

    @property
    def overrides_generate(self) -> bool:
        """Whether a subclass answers by methods of its own, sync or async."""
        return self.overrides(GENERATING)

    def with_retry(self, **options: Any) -> Runnable[LanguageModelInput, str]:
        """Return a runnable that retries errors whose `is_retryable` is true, by default.

        See LangChain's `Runnable.with_retry`. Of a batch, the prompts that failed are sent again.
        """
        from langchain_azure_llms.llms.retrying import retrying  # noqa: PLC0415 - rarely needed

        return retrying(super().with_retry, options)

    def configurable_fields(self, **kwargs: AnyConfigurableField) -> RunnableSerializable[Any, str]:
        """Let each call set some settings; see LangChain's `configurable_fields`."""
        from langchain_azure_llms.llms.configurable import configurable  # noqa: PLC0415

        return configurable(super().configurable_fields(**kwargs))

    def close(self) -> None:
        """Close the connections for sync calls that LLM objects with these network settings share.

        Requests in flight on them fail; later calls open new ones. Your own client stays open.
        """
        transports.close_sync(self.endpoint.network)

    async def aclose(self) -> None:
        """Close the connections of the running event loop, as `close` does."""
        await transports.close_async(self.endpoint.network)
