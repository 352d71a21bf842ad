"""What every test begins with."""

import pytest

from tests.support.engines import forget_apis


@pytest.fixture(autouse=True)
def _no_known_apis() -> None:
    """Forget which APIs the deployments of other tests speak: tests share their names."""
    forget_apis()
