"""Where the server listens."""

from dataclasses import dataclass

from langchain_azure_llms.local._errors import LocalEndpointsError


@dataclass(frozen=True)
class Listening:
    """A port of loopback, with a certificate when it speaks TLS.

    Attributes:
        port: The port; 0 for any free one.
        certfile: The certificate, in PEM.
        keyfile: Its private key; None when it stands in `certfile`.

    Raises:
        LocalEndpointsError: When there is a key without a certificate.
    """

    port: int = 0
    certfile: str | None = None
    keyfile: str | None = None

    def __post_init__(self) -> None:
        if self.keyfile is not None and self.certfile is None:
            raise LocalEndpointsError("ssl_keyfile needs the ssl_certfile it belongs to.")

    @property
    def scheme(self) -> str:
        """How addresses begin."""
        return "https" if self.certfile else "http"
