"""`AzureMLOnlineEndpoint` against recorded traffic: methods, formatters, credentials."""

import pytest
from vcr.cassette import Cassette  # type: ignore[import-untyped]

from tests.cassettes.answers import answers
from tests.cassettes.calls import METHODS, call
from tests.cassettes.llms import online_endpoint
from tests.cassettes.places import Place, Service, Wanted

pytestmark = [pytest.mark.vcr, pytest.mark.block_network]

FORMATTERS = ("custom_openai", "dolly", "gpt2", "hf", "mlflow")
PATHS = {"custom_openai": "/v1/completions", "openai_chat": "/v1/chat/completions"}
each_method = pytest.mark.parametrize("method", METHODS)
sync_and_async = pytest.mark.parametrize("method", ["invoke", "ainvoke"])


def _scoring(service: Service, formatter: str) -> Wanted:
    return Wanted(service=service, path="/score", formatter=formatter)


def _serverless(formatter: str, *, with_token: bool = False) -> Wanted:
    path = PATHS[formatter]
    return Wanted(service="online-endpoint", path=path, formatter=formatter, with_token=with_token)


@each_method
@pytest.mark.parametrize(
    "wanted", [_scoring("online-endpoint", name) for name in FORMATTERS], ids=FORMATTERS
)
def test_each_formatter(place: Place, vcr: Cassette, wanted: Wanted, method: str) -> None:
    """The recorded text, from the front door of an online endpoint."""
    assert call(method, online_endpoint(place, wanted)) == answers(vcr)


@sync_and_async
@pytest.mark.parametrize(
    "wanted", [_scoring("scoring-server", name) for name in FORMATTERS], ids=FORMATTERS
)
def test_microsofts_server(place: Place, vcr: Cassette, wanted: Wanted, method: str) -> None:
    """The recorded text, from the server that Azure ML's images run."""
    assert call(method, online_endpoint(place, wanted)) == answers(vcr)


@each_method
@pytest.mark.parametrize("wanted", [_serverless(name) for name in PATHS], ids=PATHS)
def test_serverless(place: Place, vcr: Cassette, wanted: Wanted, method: str) -> None:
    """The recorded text, from endpoints that stream."""
    assert call(method, online_endpoint(place, wanted)) == answers(vcr)


@each_method
@pytest.mark.parametrize(
    "wanted", [_serverless("custom_openai", with_token=True)], ids=["custom_openai"]
)
def test_tokens(place: Place, vcr: Cassette, wanted: Wanted, method: str) -> None:
    """The recorded text, with a token that azure-identity gets."""
    assert call(method, online_endpoint(place, wanted), place) == answers(vcr)
    scopes = [request.body for request in vcr.requests if request.path.endswith("/token")]
    assert [b"scope=https%3A%2F%2Fml.azure.com%2F.default" in body for body in scopes] == [True]


@sync_and_async
@pytest.mark.parametrize("wanted", [_scoring("online-endpoint", "hf")], ids=["hf"])
def test_a_named_deployment(place: Place, vcr: Cassette, wanted: Wanted, method: str) -> None:
    """The header that picks one deployment of an endpoint is sent."""
    make = online_endpoint(place, wanted, deployment_name="blue")
    assert call(method, make) == answers(vcr)
    assert [request.headers["azureml-model-deployment"] for request in vcr.requests] == ["blue"]
