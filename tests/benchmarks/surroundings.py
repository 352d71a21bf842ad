"""The surroundings of a measurement: the endpoint's process, its certificate authority, settings.

The bundle of authorities that all clients are given has the size of a real one, for reading it is
a good part of what an HTTP client costs to make.
"""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import certifi
import trustme

from tests.benchmarks.descriptors import allow_many_descriptors

REPOSITORY = Path(__file__).parents[2]
_FOREIGN = ("AZURE_OPENAI_", "AZUREML_", "OPENAI_", "LANGCHAIN_", "LANGSMITH_")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_DIR")


@dataclass(frozen=True)
class Endpoint:
    """Where the endpoint serves.

    Attributes:
        tls: The address that answers at once.
        tls_slow: The one that takes its time.
        plain: As `tls`, without TLS.
        plain_slow: As `tls_slow`, without TLS.
        control: The port that tells what happened.
    """

    tls: str
    tls_slow: str
    plain: str
    plain_slow: str
    control: int

    def connections(self) -> int:
        """Return how many connections were opened to all addresses, from the start."""
        asking = http.client.HTTPConnection("127.0.0.1", self.control)
        try:
            asking.request("GET", "/")
            told = json.loads(asking.getresponse().read())
        finally:
            asking.close()
        return sum(counts["connections"] for counts in told.values())


@contextmanager
def surroundings() -> Iterator[Endpoint]:
    """Start the endpoint, and set the environment so that its certificate is trusted."""
    allow_many_descriptors()
    for name in list(os.environ):
        if name.startswith(_FOREIGN) or name.upper() in _PROXIES:
            del os.environ[name]
    with TemporaryDirectory() as name:
        folder = Path(name)
        certificate = folder / "endpoint.pem"
        authority = trustme.CA()
        authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
            certificate
        )
        bundle = folder / "authorities.pem"
        bundle.write_bytes(Path(certifi.where()).read_bytes() + authority.cert_pem.bytes())
        os.environ["SSL_CERT_FILE"] = str(bundle)
        with _serving(certificate) as endpoint:
            yield endpoint


@contextmanager
def _serving(certificate: Path) -> Iterator[Endpoint]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.server", certificate],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            ports = json.loads(process.stdout.readline())
            yield Endpoint(
                tls=f"https://127.0.0.1:{ports['tls']}",
                tls_slow=f"https://127.0.0.1:{ports['tls_slow']}",
                plain=f"http://127.0.0.1:{ports['plain']}",
                plain_slow=f"http://127.0.0.1:{ports['plain_slow']}",
                control=ports["control"],
            )
        finally:
            process.stdin.close()
            process.terminate()
