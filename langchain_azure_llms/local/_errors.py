"""The one error the local endpoints raise."""


class LocalEndpointsError(RuntimeError):
    """The local endpoints cannot run here; the message says why and what to do, in one sentence."""
