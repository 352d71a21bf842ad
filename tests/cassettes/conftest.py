"""Fixtures of tests with recorded traffic; `recorder.py` describes how VCR.py is set up.

A test parametrizes `wanted` with what it needs, and gets a `place` to send its requests to.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from vcr import VCR  # type: ignore[import-untyped]

from langchain_azure_llms.local import LocalEndpoints
from tests.cassettes import places, recorder
from tests.cassettes.places import Place, Wanted
from tests.integration_tests.local.tls import Certificate, make_certificate
from tests.support.scoring_server import running_scoring_server

_OUR_VARIABLES = ("AZURE_", "AZUREML_", "OPENAI_")
_PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy")


def pytest_recording_configure(config: pytest.Config, vcr: VCR) -> None:
    """Make VCR.py write and compare in our way."""
    recorder.prepare(vcr)


@pytest.fixture(scope="module")
def vcr_cassette_dir(request: pytest.FixtureRequest) -> str:
    """The folder of a module's cassettes."""
    return str(recorder.FOLDER / request.path.stem)


@pytest.fixture
def vcr_config(request: pytest.FixtureRequest, record_mode: str) -> dict[str, Any]:
    """VCR.py's settings for this test; none where no traffic is recorded."""
    if not request.node.get_closest_marker("vcr"):
        return {}
    return recorder.settings(request.getfixturevalue("place"), recording=record_mode != "none")


@pytest.fixture(autouse=True)
def everything_is_played(request: pytest.FixtureRequest, record_mode: str) -> Iterator[None]:
    """No exchange of a test's cassette is left over."""
    yield
    if request.node.get_closest_marker("vcr") and record_mode == "none":
        left = recorder.unplayed(request.getfixturevalue("vcr"))
        assert not left, f"the cassette holds what nothing asks for: {left}"


@pytest.fixture
def place(
    request: pytest.FixtureRequest,
    wanted: Wanted,
    record_mode: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Place]:
    """Where this test's requests go; nothing of the environment leads them elsewhere."""
    environ = dict(os.environ)
    for name in environ:
        if name.startswith(_OUR_VARIABLES):
            monkeypatch.delenv(name)
    if record_mode == "none":
        for name in _PROXY_VARIABLES:
            monkeypatch.delenv(name, raising=False)
        yield places.replayed(wanted)
    elif found := places.azure(wanted, environ):
        yield found
    elif wanted.service == "scoring-server":
        yield places.scoring_server(request.getfixturevalue("scoring_server_url"))
    else:
        certificate: Certificate = request.getfixturevalue("recording_certificate")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.authority))
        request.getfixturevalue("loaded_model")
        with _endpoints(wanted, certificate) as running:
            yield places.local(wanted, running, str(certificate.authority))


@pytest.fixture(scope="session")
def recording_certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate: azure-identity speaks to token services over TLS only."""
    return make_certificate(tmp_path_factory.mktemp("recording"))


@pytest.fixture(scope="session")
def loaded_model() -> Iterator[LocalEndpoints]:
    """Endpoints that keep the model loaded from one test to the next."""
    with LocalEndpoints() as running:
        yield running


@pytest.fixture(scope="session")
def scoring_server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of Microsoft's own scoring server."""
    with running_scoring_server(tmp_path_factory.mktemp("scoring_server")) as url:
        yield url


def _endpoints(wanted: Wanted, certificate: Certificate) -> LocalEndpoints:
    return LocalEndpoints(
        ssl_certfile=certificate.chain,
        ssl_keyfile=certificate.key,
        token_lifetime=wanted.token_lifetime,
        scenario=wanted.scenario,
    )
