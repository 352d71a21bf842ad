"""Unit tests open no sockets, and see no Azure settings of the machine they run on."""

import os

import pytest
from hypothesis import settings
from pytest_socket import disable_socket

# How long an example takes depends on what else the machine does.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

_OURS = ("AZURE_OPENAI_", "AZUREML_", "OPENAI_")


@pytest.fixture(autouse=True)
def _no_sockets() -> None:
    """Refuse network sockets; event loops need the local kind."""
    disable_socket(allow_unix_socket=True)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the machine's own settings."""
    for name in list(os.environ):
        if name.startswith(_OURS):
            monkeypatch.delenv(name)
