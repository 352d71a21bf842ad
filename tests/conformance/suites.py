"""The suite, filled in for both of our classes and their peers, against local endpoints."""

from pathlib import Path
from typing import Any, ClassVar

from langchain_core.exceptions import ModelAPIError, ModelError
from langchain_core.language_models.llms import BaseLLM

from langchain_azure_llms import (
    AzureMLOnlineEndpoint,
    AzureOpenAI,
    CustomOpenAIContentFormatter,
    load_llm,
)
from langchain_azure_llms.local import LocalEndpoints, Scenario
from tests.conformance.subject import (
    FAILING,
    FLAKY,
    LIMITED,
    REFUSED,
    SLOW,
    STUCK,
    EndpointTests,
)

_ALWAYS = 1_000_000  # more often than a test asks
_NOBODY = "http://127.0.0.1:9"
DEPLOYMENT = "gpt-35-turbo-instruct"
VERSION = "2024-10-21"


def echoing_endpoints() -> LocalEndpoints:
    """Return endpoints that echo, and do what the words in a prompt say."""
    return LocalEndpoints(
        engine="echo",
        scenario=[
            Scenario("filter", matching=REFUSED),
            Scenario("rate-limited-ms", matching=LIMITED, times=_ALWAYS, wait=0.001),
            Scenario("unavailable", matching=FAILING, times=_ALWAYS),
            Scenario("unavailable", matching=FLAKY, times=1),
            Scenario("slow", matching=SLOW, times=_ALWAYS, wait=0.05),
            Scenario("slow", matching=STUCK, times=_ALWAYS, wait=1.3),
        ],
    )


class AtLocalEndpoints(EndpointTests):
    """An LLM that talks to such endpoints."""

    endpoints: ClassVar[LocalEndpoints]

    def requests_for(self, prompt: str) -> int:
        return sum(
            record.requests
            for asked, record in self.endpoints.prompts_seen.items()
            if prompt in asked
        )

    def requests_in_flight(self, word: str) -> int:
        return sum(
            record.requests - record.answers
            for asked, record in self.endpoints.prompts_seen.items()
            if word in asked
        )

    @property
    def url(self) -> str:
        """Where they are."""
        return self.endpoints.url

    @property
    def elsewhere(self) -> str:
        """The same endpoints, by another address."""
        return self.url.replace("127.0.0.1", "localhost")

    @property
    def key(self) -> str:
        """The key they accept."""
        return self.endpoints.api_key

    @property
    def secrets(self) -> list[str]:
        return [self.key]


class OfAzureOpenAI(AtLocalEndpoints):
    """`AzureOpenAI`, ours or the peer's: they take the same arguments."""

    @property
    def llm_class(self) -> type[BaseLLM]:
        return AzureOpenAI

    @property
    def llm_params(self) -> dict[str, Any]:
        return {
            "azure_endpoint": self.url,
            "azure_deployment": DEPLOYMENT,
            "api_version": VERSION,
            "api_key": self.key,
            "temperature": 0,
            "max_retries": 0,
        }

    @property
    def other_endpoint_params(self) -> dict[str, Any]:
        return {"azure_endpoint": self.elsewhere}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return (
            {
                "AZURE_OPENAI_ENDPOINT": "https://r.example",
                "AZURE_OPENAI_API_KEY": "of the environment",
                "OPENAI_API_VERSION": "2023-05-15",
            },
            {"azure_deployment": DEPLOYMENT},
            {
                "azure_endpoint": "https://r.example",
                "openai_api_key": "of the environment",
                "openai_api_version": "2023-05-15",
            },
        )

    def load(self, path: Path) -> BaseLLM:
        return load_llm(path, api_key=self.key)

    @property
    def single_params(self) -> dict[str, Any]:
        return {"batch_size": 1}

    @property
    def wrong_key_params(self) -> dict[str, Any]:
        return {"api_key": "wrong"}

    @property
    def unreachable_params(self) -> dict[str, Any]:
        return {"azure_endpoint": _NOBODY}

    @property
    def impatient_params(self) -> dict[str, Any]:
        return {"timeout": 0.2}


class OfOnlineEndpoint(AtLocalEndpoints):
    """`AzureMLOnlineEndpoint` at a serverless endpoint, ours or the peer's."""

    @property
    def llm_class(self) -> type[BaseLLM]:
        return AzureMLOnlineEndpoint

    @property
    def llm_params(self) -> dict[str, Any]:
        return {
            "endpoint_url": f"{self.url}/completions",
            "endpoint_api_type": "serverless",
            "endpoint_api_key": self.key,
            "content_formatter": self.formatter,
            "deployment_name": "green",
            "model_kwargs": {"max_tokens": 256},
            "max_retries": 0,
        }

    @property
    def formatter(self) -> Any:
        """The formatter of the class's own package."""
        return CustomOpenAIContentFormatter()

    @property
    def other_endpoint_params(self) -> dict[str, Any]:
        return {"endpoint_url": f"{self.elsewhere}/completions"}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return (
            {
                "AZUREML_ENDPOINT_URL": "https://e.example/score",
                "AZUREML_ENDPOINT_API_KEY": "of the environment",
                "AZUREML_ENDPOINT_API_TYPE": "dedicated",
                "AZUREML_DEPLOYMENT_NAME": "blue",
            },
            {"content_formatter": self.formatter},
            {
                "endpoint_url": "https://e.example/score",
                "endpoint_api_key": "of the environment",
                "endpoint_api_type": "dedicated",
                "deployment_name": "blue",
            },
        )

    def load(self, path: Path) -> BaseLLM:
        return load_llm(path, endpoint_api_key=self.key)

    @property
    def wrong_key_params(self) -> dict[str, Any]:
        return {"endpoint_api_key": "wrong"}

    @property
    def unreachable_params(self) -> dict[str, Any]:
        return {"endpoint_url": f"{_NOBODY}/completions"}

    @property
    def impatient_params(self) -> dict[str, Any]:
        return {"timeout": 0.2}


class OfDedicatedEndpoint(OfOnlineEndpoint):
    """`AzureMLOnlineEndpoint` at a dedicated endpoint: it streams and counts nothing."""

    @property
    def llm_params(self) -> dict[str, Any]:
        return {
            **super().llm_params,
            "endpoint_url": f"{self.url}/score",
            "endpoint_api_type": "dedicated",
            "model_kwargs": {"max_new_tokens": 256},
        }

    @property
    def other_endpoint_params(self) -> dict[str, Any]:
        return {"endpoint_url": f"{self.elsewhere}/score"}

    @property
    def unreachable_params(self) -> dict[str, Any]:
        return {"endpoint_url": f"{_NOBODY}/score"}

    @property
    def supports_streaming(self) -> bool:
        return False

    @property
    def supports_usage(self) -> bool:
        return False

    @property
    def refused_prompt_error(self) -> type[ModelError]:
        return ModelAPIError  # the front end answers that the container failed

    @property
    def short_arguments(self) -> dict[str, Any]:
        return {"max_new_tokens": 1}
