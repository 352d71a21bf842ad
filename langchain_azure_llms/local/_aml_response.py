"""`AMLResponse`: how a score script answers with a status of its own.

Microsoft's scoring server brings it. Where that server is not installed, the part of it that the
score script needs stands here.
"""

import json
from typing import Any

try:
    from azureml_inference_server_http.api.aml_response import AMLResponse
except ImportError:

    class AMLResponse:  # type: ignore[no-redef]
        """An answer with a status, with the arguments that Microsoft's class has."""

        def __init__(self, message: Any, status_code: int, *, json_str: bool = False) -> None:
            self.status_code = status_code
            self._message = json.dumps(message) if json_str else str(message)

        def get_data(self) -> bytes:
            """Return the body."""
            return self._message.encode()


__all__ = ["AMLResponse"]
