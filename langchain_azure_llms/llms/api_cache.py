"""What was learned of deployments in this process: their API, and parameters they do not take."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_azure_llms.llms.completion import RequestBuilder

_logger = logging.getLogger("langchain_azure_llms")
_NOTHING: Mapping[str, str] = MappingProxyType({})


class ApiCache:
    """The APIs that deployments were found to speak, and the parameters they take under a name."""

    def __init__(self) -> None:
        self._apis: dict[Hashable, str] = {}
        self._substitutes: dict[Hashable, Mapping[str, str]] = {}

    def get(self, builder: RequestBuilder) -> str | None:
        """Return the API to use, if it is known."""
        return builder.apis[0] if len(builder.apis) == 1 else self._apis.get(builder.deployment)

    def known(self, deployment: Hashable) -> str | None:
        """Return the API that a deployment was found to speak, if it was."""
        return self._apis.get(deployment)

    def remember(self, builder: RequestBuilder, api: str, refused: Iterable[str]) -> None:
        """Remember a deployment's API; log it where others were refused before."""
        names = " and ".join(refused)
        if names and self._apis.get(builder.deployment) != api:
            _logger.warning(
                "The deployment %r does not offer %s; %s is used from now on. api=%r saves the "
                "refused first request.",
                builder.name,
                names,
                api,
                api,
            )
        self._apis[builder.deployment] = api

    def forget(self, builder: RequestBuilder) -> None:
        """Forget an API that is refused now: the deployment may have another model."""
        self._apis.pop(builder.deployment, None)

    def substitutes(self, deployment: Hashable) -> Mapping[str, str]:
        """Return the parameters that a deployment does not take, each with what takes its place.

        An empty text stands for nothing: the parameter is left out.
        """
        return self._substitutes.get(deployment, _NOTHING)

    def substitute(self, builder: RequestBuilder, name: str, other: str) -> None:
        """Remember that a deployment does not take a parameter."""
        known = dict(self.substitutes(builder.deployment))
        known.pop(other, None)
        self._substitutes[builder.deployment] = {**known, name: other}
        _logger.warning(
            "The deployment %r does not take %s; %s from now on.",
            builder.name,
            name,
            f"{other} is sent" if other else "it is not sent, and texts are cut here",
        )

    def clear(self) -> None:
        """Forget everything."""
        self._apis.clear()
        self._substitutes.clear()


api_cache = ApiCache()
