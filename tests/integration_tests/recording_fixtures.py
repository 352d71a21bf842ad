"""The plug-in of test modules with recorded traffic; `recording.py` tells how it works.

Each of their tests says by a fixture `wanted` what it needs, and gets a `place` to ask there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from vcr import VCR  # type: ignore[import-untyped]

from langchain_azure_llms.local import LocalEndpoints
from tests.integration_tests import recording, recording_places
from tests.integration_tests.local.tls import Certificate, make_certificate
from tests.integration_tests.recording_places import Place, Wanted

_OUR_VARIABLES = ("AZURE_", "AZUREML_", "OPENAI_")
_PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy")


def pytest_recording_configure(config: pytest.Config, vcr: VCR) -> None:
    """Make VCR.py write and compare in our way."""
    recording.prepare(vcr)


@pytest.fixture
def vcr_config(request: pytest.FixtureRequest, record_mode: str) -> dict[str, Any]:
    """VCR.py's settings for this test; none where no traffic is recorded."""
    if not request.node.get_closest_marker("vcr"):
        return {}
    return recording.settings(request.getfixturevalue("place"), recording=record_mode != "none")


@pytest.fixture(autouse=True)
def everything_is_played(request: pytest.FixtureRequest, record_mode: str) -> Iterator[None]:
    """No exchange of a test's cassette is left over."""
    yield
    if request.node.get_closest_marker("vcr") and record_mode == "none":
        left = recording.unplayed(request.getfixturevalue("vcr"))
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
        yield recording_places.replayed(wanted)
    elif found := recording_places.azure(wanted, environ):
        yield found
    elif wanted.service == "scoring-server":
        yield recording_places.scoring_server(request.getfixturevalue("scoring_server"))
    else:
        certificate: Certificate = request.getfixturevalue("recording_certificate")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.authority))
        request.getfixturevalue("loaded_model")
        with _endpoints(wanted, certificate) as running:
            yield recording_places.local(wanted, running, str(certificate.authority))


@pytest.fixture(scope="session")
def recording_certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate: azure-identity speaks to token services over TLS only."""
    return make_certificate(tmp_path_factory.mktemp("recording"))


@pytest.fixture(scope="session")
def loaded_model() -> Iterator[LocalEndpoints]:
    """Endpoints that keep the model loaded from one test to the next."""
    with LocalEndpoints() as running:
        yield running


def _endpoints(wanted: Wanted, certificate: Certificate) -> LocalEndpoints:
    return LocalEndpoints(
        ssl_certfile=certificate.chain,
        ssl_keyfile=certificate.key,
        token_lifetime=wanted.token_lifetime,
        scenario=wanted.scenario,
    )
