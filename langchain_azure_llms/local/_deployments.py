"""Which deployment does what."""

from dataclasses import dataclass
from typing import Literal

Operation = Literal["completions", "chat", "responses", "embeddings"]
"""What Azure OpenAI's models do. Embeddings are known here, but served by no route."""

ANY = "*"
"""Stands for every name."""

COMPLETION_DEPLOYMENTS = ("gpt-35-turbo-instruct", "gpt-35-turbo-instruct-0914")
CHAT_DEPLOYMENTS = ("local-chat",)
RESPONSES_DEPLOYMENTS = ("local-responses",)
EMBEDDING_DEPLOYMENTS = ("local-embedding",)


@dataclass(frozen=True)
class Deployments:
    """The names of the deployments, by what their model does. A name may stand in several."""

    completions: tuple[str, ...] = COMPLETION_DEPLOYMENTS
    chat: tuple[str, ...] = CHAT_DEPLOYMENTS
    responses: tuple[str, ...] = RESPONSES_DEPLOYMENTS
    embeddings: tuple[str, ...] = EMBEDDING_DEPLOYMENTS

    def operations(self, name: str) -> set[Operation]:
        """Return what the deployment does; nothing when there is none of that name.

        A name that is listed does what it is listed for; `"*"` covers the other ones.
        """
        return self._listing(name) or self._listing(ANY)

    def _listing(self, name: str) -> set[Operation]:
        listings: dict[Operation, tuple[str, ...]] = {
            "completions": self.completions,
            "chat": self.chat,
            "responses": self.responses,
            "embeddings": self.embeddings,
        }
        return {operation for operation, names in listings.items() if name in names}
