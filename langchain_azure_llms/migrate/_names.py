"""Which names of other packages this package has, and where they were imported from."""

PACKAGE = "langchain_azure_llms"

_AZURE_ML = (
    "AzureMLEndpointApiType",
    "AzureMLOnlineEndpoint",
    "ContentFormatterBase",
    "CustomOpenAIContentFormatter",
    "DollyContentFormatter",
    "GPT2ContentFormatter",
    "HFContentFormatter",
    "LlamaContentFormatter",
    "OSSContentFormatter",
)
_NAMES_BY_MODULE: dict[str, tuple[str, ...]] = {
    "langchain_openai": ("AzureOpenAI",),
    "langchain_openai.llms": ("AzureOpenAI",),
    "langchain_openai.llms.azure": ("AzureOpenAI",),
    **{
        f"{package}.llms{module}": names
        for package in ("langchain", "langchain_classic", "langchain_community")
        for module, names in {
            "": ("AzureMLOnlineEndpoint", "AzureOpenAI"),
            ".azureml_endpoint": _AZURE_ML,
            ".loading": ("load_llm", "load_llm_from_config"),
            ".openai": ("AzureOpenAI",),
        }.items()
    },
}
OLD_MODULES = frozenset(_NAMES_BY_MODULE)
OLD_NAMES = {
    f"{module}.{name}": name for module, names in _NAMES_BY_MODULE.items() for name in names
}
"""Each full name in another package, with its name here."""

SHARED_WITH_CHAT = frozenset({"AzureMLEndpointApiType", "ContentFormatterBase"})
"""What LangChain's chat class for Azure ML needs from the same module, too."""
WITHOUT_COUNTERPART = frozenset({"AzureMLBaseEndpoint", "AzureMLEndpointClient"})
LOADERS = frozenset({"load_llm", "load_llm_from_config"})
STAYED = frozenset({"agents", "chat_models", "embeddings", "messages", "rate_limiters", "tools"})
"""What LangChain 1.0 still has, of the package `langchain`; all else is in langchain-classic."""

CREDENTIALS: dict[str, tuple[frozenset[str], ...]] = {
    "AzureOpenAI": (
        frozenset({"api_key", "openai_api_key"}),
        frozenset({"azure_ad_token"}),
        frozenset({"azure_ad_token_provider", "azure_ad_async_token_provider"}),
        frozenset({"credential"}),
    ),
    "AzureMLOnlineEndpoint": (
        frozenset({"endpoint_api_key"}),
        frozenset({"credential"}),
    ),
}
"""The arguments of each class that are one credential; those of two groups conflict."""

RENAMED = {
    "callback_manager": "callbacks",
    "engine": "azure_deployment",
    "headers": "default_headers",
}
"""Arguments of `AzureOpenAI` in 2023, and what they are called today."""
NOT_READ = {
    "OPENAI_API_BASE": "set AZURE_OPENAI_ENDPOINT, or pass azure_endpoint",
    "openai.api_base": "set AZURE_OPENAI_ENDPOINT, or pass azure_endpoint",
    "openai.api_key": "set AZURE_OPENAI_API_KEY, or pass api_key",
    "openai.api_type": "set OPENAI_API_TYPE, or pass openai_api_type",
    "openai.api_version": "set OPENAI_API_VERSION, or pass api_version",
}
"""Variables and settings of openai that `AzureOpenAI` once read."""

HTTPX_CLIENTS = {"httpx.Client": "http_client", "httpx.AsyncClient": "http_async_client"}

OPENAI_ERRORS = {
    **{name: name for name in ("AuthenticationError", "BadRequestError", "PermissionDeniedError")},
    "APIConnectionError": "RequestError",
    "APIError": "AzureLLMError",
    "APIStatusError": "StatusError",
    "APITimeoutError": "EndpointTimeoutError",
    "ConflictError": "StatusError",
    "InternalServerError": "ServerError",
    "InvalidRequestError": "BadRequestError",
    "NotFoundError": "DeploymentNotFoundError",
    "OpenAIError": "AzureLLMError",
    "PermissionError": "PermissionDeniedError",
    "RateLimitError": "RateLimitError",
    "ServiceUnavailableError": "ServerError",
    "Timeout": "EndpointTimeoutError",
    "UnprocessableEntityError": "BadRequestError",
}
"""Errors of openai, those of its versions before 1.0 included, and what is raised here."""
OTHER_ERRORS = {
    "pydantic.ValidationError": "ConfigurationError",
    "urllib.error.HTTPError": "StatusError",
    "urllib.error.URLError": "RequestError",
}
