"""What is around a measurement: the endpoint's process, a certificate authority, the environment.

The bundle of authorities that all clients are given has the size of a real one, for reading it is
a good part of what an HTTP client costs to make.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import ProxyHandler, build_opener

import certifi
import trustme

from tests.benchmarks.server import allow_many_descriptors

REPOSITORY = Path(__file__).parents[2]
_SETTINGS = ("AZURE_OPENAI_", "AZUREML_", "OPENAI_", "LANGCHAIN_", "LANGSMITH_")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_DIR")


@dataclass(frozen=True)
class Endpoint:
    """Where the endpoint serves.

    Attributes:
        tls: The address that answers at once.
        tls_slow: The one that takes 50 ms.
        plain: As `tls`, without TLS.
        control: Says how many connections were opened.
    """

    tls: str
    tls_slow: str
    plain: str
    control: str

    def connections(self) -> int:
        """Return how many connections were opened to all addresses, from the start."""
        with build_opener(ProxyHandler({})).open(self.control) as reply:
            return int(reply.read())


@contextmanager
def benchmark_environment() -> Iterator[Endpoint]:
    """Start the endpoint, and set the environment so that its certificate is trusted."""
    allow_many_descriptors()
    for name in list(os.environ):
        if name.startswith(_SETTINGS) or name.upper() in _PROXIES:
            del os.environ[name]
    with TemporaryDirectory() as name:
        certificate, bundle = Path(name, "endpoint.pem"), Path(name, "authorities.pem")
        authority = trustme.CA()
        leaf = authority.issue_cert("localhost", "127.0.0.1")
        leaf.private_key_and_cert_chain_pem.write_to_path(certificate)
        bundle.write_bytes(Path(certifi.where()).read_bytes() + authority.cert_pem.bytes())
        os.environ["SSL_CERT_FILE"] = str(bundle)
        with _serve(certificate) as endpoint:
            yield endpoint


@contextmanager
def _serve(certificate: Path) -> Iterator[Endpoint]:
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
            schemes = {name: "https" if name.startswith("tls") else "http" for name in ports}
            yield Endpoint(
                **{name: f"{schemes[name]}://127.0.0.1:{port}" for name, port in ports.items()}
            )
        finally:
            process.stdin.close()
            process.terminate()
