"""A certificate for loopback, and the authority that it comes from."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Certificate:
    """Files in PEM.

    Attributes:
        authority: The certificate of the authority.
        chain: The server's certificate.
        key: Its private key.
        together: The server's certificate and its key.
    """

    authority: Path
    chain: Path
    key: Path
    together: Path

    def context(self) -> ssl.SSLContext:
        """Return what a client of the server verifies with."""
        return ssl.create_default_context(cafile=self.authority)


def make_certificate(folder: Path) -> Certificate:
    """Write a new certificate for 127.0.0.1 into `folder`."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    made = Certificate(*(folder / name for name in ("ca.pem", "chain.pem", "key.pem", "both.pem")))
    authority.cert_pem.write_to_path(str(made.authority))
    for number, blob in enumerate(issued.cert_chain_pems):
        blob.write_to_path(str(made.chain), append=number > 0)
    issued.private_key_pem.write_to_path(str(made.key))
    issued.private_key_and_cert_chain_pem.write_to_path(str(made.together))
    return made
