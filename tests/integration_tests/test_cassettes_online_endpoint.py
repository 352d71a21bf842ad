"""`AzureMLOnlineEndpoint` against recorded traffic: each way, each formatter, each credential."""

import pytest
from vcr.cassette import Cassette  # type: ignore[import-untyped]

from tests.integration_tests.recorded_answers import answers
from tests.integration_tests.recording_llms import online_endpoint
from tests.integration_tests.recording_places import Place, Service, Wanted
from tests.integration_tests.recording_ways import WAYS, asked

pytest_plugins = ["tests.integration_tests.recording_fixtures"]
pytestmark = [pytest.mark.vcr, pytest.mark.block_network]

FORMATTERS = ("custom_openai", "dolly", "gpt2", "hf", "mlflow")
PATHS = {"custom_openai": "/v1/completions", "openai_chat": "/v1/chat/completions"}
each_way = pytest.mark.parametrize("way", WAYS)
both_ways = pytest.mark.parametrize("way", ["invoke", "ainvoke"])


def _scoring(service: Service, formatter: str) -> Wanted:
    return Wanted(service=service, path="/score", formatter=formatter)


def _serverless(formatter: str, *, with_token: bool = False) -> Wanted:
    path = PATHS[formatter]
    return Wanted(service="online-endpoint", path=path, formatter=formatter, with_token=with_token)


@each_way
@pytest.mark.parametrize(
    "wanted", [_scoring("online-endpoint", name) for name in FORMATTERS], ids=FORMATTERS
)
def test_each_formatter(place: Place, vcr: Cassette, wanted: Wanted, way: str) -> None:
    """The recorded text, from the front door of an online endpoint."""
    assert asked(way, online_endpoint(place, wanted)) == answers(vcr)


@both_ways
@pytest.mark.parametrize(
    "wanted", [_scoring("scoring-server", name) for name in FORMATTERS], ids=FORMATTERS
)
def test_microsofts_server(place: Place, vcr: Cassette, wanted: Wanted, way: str) -> None:
    """The recorded text, from the server that Azure ML's images run."""
    assert asked(way, online_endpoint(place, wanted)) == answers(vcr)


@each_way
@pytest.mark.parametrize("wanted", [_serverless(name) for name in PATHS], ids=PATHS)
def test_serverless(place: Place, vcr: Cassette, wanted: Wanted, way: str) -> None:
    """The recorded text, from endpoints that stream."""
    assert asked(way, online_endpoint(place, wanted)) == answers(vcr)


@each_way
@pytest.mark.parametrize(
    "wanted", [_serverless("custom_openai", with_token=True)], ids=["custom_openai"]
)
def test_tokens(place: Place, vcr: Cassette, wanted: Wanted, way: str) -> None:
    """The recorded text, with a token that azure-identity gets."""
    assert asked(way, online_endpoint(place, wanted), place) == answers(vcr)
    scopes = [request.body for request in vcr.requests if request.path.endswith("/token")]
    assert [b"scope=https%3A%2F%2Fml.azure.com%2F.default" in body for body in scopes] == [True]


@both_ways
@pytest.mark.parametrize("wanted", [_scoring("online-endpoint", "hf")], ids=["hf"])
def test_a_named_deployment(place: Place, vcr: Cassette, wanted: Wanted, way: str) -> None:
    """The header that picks one deployment of an endpoint travels."""
    make = online_endpoint(place, wanted, deployment_name="blue")
    assert asked(way, make) == answers(vcr)
    assert [request.headers["azureml-model-deployment"] for request in vcr.requests] == ["blue"]
