"""Which deployment does what."""

from dataclasses import dataclass

from langchain_azure_llms.local._pieces import Operation

ANY = "*"
"""Stands for every name."""

COMPLETION_DEPLOYMENTS = ("gpt-35-turbo-instruct", "gpt-35-turbo-instruct-0914")
CHAT_DEPLOYMENTS = ("local-chat",)


@dataclass(frozen=True)
class Deployments:
    """The names of the deployments, by what their model does. A name may stand in both."""

    completions: tuple[str, ...] = COMPLETION_DEPLOYMENTS
    chat: tuple[str, ...] = CHAT_DEPLOYMENTS

    def operations(self, name: str) -> set[Operation]:
        """Return what the deployment does; nothing when there is none of that name.

        A name that is listed does what it is listed for; `"*"` covers the other ones.
        """
        return self._listing(name) or self._listing(ANY)

    def _listing(self, name: str) -> set[Operation]:
        listed: set[Operation] = set()
        if name in self.completions:
            listed.add("completions")
        if name in self.chat:
            listed.add("chat")
        return listed
