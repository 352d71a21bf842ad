"""What a module uses: names that are here now, modules they came from, and what needs a look."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst
from libcst.helpers import get_full_name_for_node
from libcst.metadata import PositionProvider, QualifiedNameProvider, QualifiedNameSource

from langchain_azure_llms.migrate._names import (
    CREDENTIALS,
    HTTPX_CLIENTS,
    LOADERS,
    NOT_READ,
    OLD_MODULES,
    OLD_NAMES,
    OPENAI_ERRORS,
    OTHER_ERRORS,
    PACKAGE,
    RENAMED,
    SHARED_WITH_CHAT,
    STAYED,
    WITHOUT_COUNTERPART,
)

_CHAT = re.compile(r"\.chat_models(\.azureml_endpoint|\.AzureMLChatOnlineEndpoint)\b")
_KEY = "OPENAI_API_KEY"
_KEY_NOT_SENT = (
    f"{_KEY} is sent to Azure only with OPENAI_API_TYPE=azure_ad: set AZURE_OPENAI_API_KEY."
)


@dataclass(frozen=True, order=True)
class Note:
    """What needs a look.

    Attributes:
        line: Where, from 1.
        text: What it is, and what to do.
        elsewhere: Whether it counts as well where only another file uses the LLM classes.
    """

    line: int
    text: str
    elsewhere: bool = False


@dataclass(frozen=True)
class Use:
    """A name that is used.

    Attributes:
        name: Its full name, such as `langchain_openai.AzureOpenAI`; or a text.
        root: What the expression begins with, such as an alias; empty for a text, and for a name
            that was imported itself.
    """

    name: str
    root: str = ""


class Survey(cst.CSTVisitor):
    """Collects what a module uses; nothing is changed.

    Attributes:
        uses: What is looked up in imported modules, and the module's texts.
        has_chat: Whether LangChain's chat class for Azure ML is imported.
    """

    METADATA_DEPENDENCIES = (PositionProvider, QualifiedNameProvider)

    def __init__(self) -> None:
        super().__init__()
        self.uses: set[Use] = set()
        self.has_chat = False
        self._ours: set[str] = set()
        self._shared: list[tuple[int, str]] = []
        self._texts: set[str] = set()
        self._notes: list[Note] = []

    # --- results ------------------------------------------------------------------------------

    @property
    def uses_ours(self) -> bool:
        """Whether a name that is here now is imported, from here or from another package."""
        return bool(self._ours)

    def is_old(self, name: str) -> bool:
        """Return whether a full name is one that is here now, and may be taken from here."""
        return name in OLD_NAMES and not (self.has_chat and OLD_NAMES[name] in SHARED_WITH_CHAT)

    def notes(self) -> list[Note]:
        """Return what needs a look, in the order of lines."""
        notes = {note for note in self._notes if self.uses_ours or note.elsewhere}
        if self.has_chat:
            why = "stays, for LangChain's chat class needs it; AzureMLOnlineEndpoint takes it, too."
            notes |= {Note(line, f"{name} {why}") for line, name in self._shared}
        if "azure_ad" in self._texts:
            notes = {note for note in notes if note.text != _KEY_NOT_SENT}
        return sorted(notes)

    # --- imports ------------------------------------------------------------------------------

    def visit_Import(self, node: cst.Import) -> bool:
        """Look at what is imported."""
        self._imported([name for alias in node.names if (name := alias.evaluated_name)])
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        """Look at what is imported, and where all names of a module are."""
        module = absolute_module(node)
        if module is None:
            return False
        if isinstance(node.names, cst.ImportStar):
            if module in OLD_MODULES:
                self._note(node, f"`import *`: import from {PACKAGE} what is used.")
            return False
        names = [f"{module}.{alias.evaluated_name}" for alias in node.names]
        self._imported(names)
        for full, name in [(full, full.rpartition(".")[2]) for full in names]:
            if full in OLD_NAMES and name in LOADERS:
                self._note_loader(node)
            if full in OLD_NAMES and name in SHARED_WITH_CHAT:
                self._shared.append((self._line(node), name))
            if full not in OLD_NAMES and full not in OLD_MODULES and _has_moved(full):
                self._note(node, f"{full}: since LangChain 1.0 it is in langchain_classic.")
            if name in WITHOUT_COUNTERPART:
                self._note(node, f"{name} stays where it was: it has no counterpart.")
        return False

    def _imported(self, names: list[str]) -> None:
        self.has_chat = self.has_chat or any(map(_CHAT.search, names))
        self._ours |= {name for name in names if name in OLD_NAMES or is_here(name)}

    # --- names --------------------------------------------------------------------------------

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        """Note a name that is looked up in a module."""
        name = self._full_name(node)
        self._used(node, name)
        if name not in OLD_NAMES:
            return True
        self._ours.add(name)
        if OLD_NAMES[name] in LOADERS:
            self._note_loader(node)
        return False

    def visit_Name(self, node: cst.Name) -> None:
        """Note a name that is used."""
        self._used(node, self._full_name(node))

    def _used(self, node: cst.Name | cst.Attribute, name: str) -> None:
        written = get_full_name_for_node(node) or ""
        is_itself = isinstance(node, cst.Name) and name in OLD_NAMES
        if name and not is_itself:
            self.uses.add(Use(name, written.partition(".")[0]))
        if name in NOT_READ:
            self._note(node, f"{name} is not read: {NOT_READ[name]}.")
        if name in HTTPX_CLIENTS:
            client = f"httpx2.{name.partition('.')[2]}"
            self._note(node, f"{name}: {HTTPX_CLIENTS[name]} takes an {client}, made alike.")

    def visit_SimpleString(self, node: cst.SimpleString) -> None:
        """Look at texts that name a module, as those of `mock.patch`, or a variable."""
        text = node.raw_value
        self.uses.add(Use(text))
        self._texts.add(text)
        if text in OLD_NAMES or (text in OLD_MODULES and text.endswith(".azureml_endpoint")):
            self._note(node, f"The text {text!r} names the old place.", elsewhere=True)
        if text == _KEY:
            self._note(node, _KEY_NOT_SENT)
        if text in NOT_READ:
            self._note(node, f"{text} is not read: {NOT_READ[text]}.")

    # --- calls and errors ---------------------------------------------------------------------

    def visit_Call(self, node: cst.Call) -> None:
        """Look for two credentials, and for arguments that are called otherwise now."""
        name = self._full_name(node.func)
        cls = OLD_NAMES.get(name) or (name.rpartition(".")[2] if is_here(name) else "")
        passed = [
            arg.keyword.value
            for arg in node.args
            if arg.keyword and get_full_name_for_node(arg.value) != "None"
        ]
        found = [
            next(name for name in passed if name in group)
            for group in CREDENTIALS.get(cls, ())
            if group.intersection(passed)
        ]
        for old in RENAMED.keys() & set(passed if cls == "AzureOpenAI" else ()):
            self._note(node, f"{cls} has no argument {old}: pass {RENAMED[old]}.")
        if len(found) > 1:
            self._note(node, f"{cls} takes one credential, not {' and '.join(found)}: keep one.")

    def visit_ExceptHandler(self, node: cst.ExceptHandler) -> None:
        """Look for errors of the libraries that sent the requests."""
        for caught in _caught(node.type):
            name = self._full_name(caught)
            last = name.rpartition(".")[2]
            if name.startswith("openai.") and last in OPENAI_ERRORS:
                self._note_error(caught, name, OPENAI_ERRORS[last], elsewhere=True)
            elif name in OTHER_ERRORS:
                self._note_error(caught, name, OTHER_ERRORS[name])

    def _note_error(
        self, node: cst.CSTNode, name: str, ours: str, *, elsewhere: bool = False
    ) -> None:
        text = f"except {name}: around these LLMs, catch {PACKAGE}.exceptions.{ours}."
        self._note(node, text, elsewhere=elsewhere)

    # --- where --------------------------------------------------------------------------------

    def _note_loader(self, node: cst.CSTNode) -> None:
        text = "load_llm loads LLMs of this package; for other types keep LangChain's."
        self._note(node, text)

    def _note(self, node: cst.CSTNode, text: str, *, elsewhere: bool = False) -> None:
        self._notes.append(Note(self._line(node), text, elsewhere))

    def _line(self, node: cst.CSTNode) -> int:
        line: int = self.get_metadata(PositionProvider, node).start.line
        return line

    def _full_name(self, node: cst.CSTNode) -> str:
        """Return the full name of what was imported; empty for everything else."""
        return full_name(self, node)


def full_name(visitor: cst.MetadataDependent, node: cst.CSTNode) -> str:
    """Return the full name of what a node stands for, if it was imported; else an empty text."""
    found = visitor.get_metadata(QualifiedNameProvider, node, ())
    names = [name.name for name in found if name.source is QualifiedNameSource.IMPORT]
    return max(names, key=lambda name: (name in OLD_NAMES, name), default="")


def absolute_module(node: cst.ImportFrom) -> str | None:
    """Return the module that a statement imports from; None for a relative one."""
    return None if node.relative or node.module is None else get_full_name_for_node(node.module)


def is_here(name: str) -> bool:
    """Return whether a full name is one of this package."""
    return name.startswith(f"{PACKAGE}.")


def _has_moved(name: str) -> bool:
    package, _, rest = name.partition(".")
    return package == "langchain" and rest.partition(".")[0] not in STAYED


def _caught(node: cst.BaseExpression | None) -> Iterator[cst.BaseExpression]:
    if isinstance(node, cst.Tuple):
        yield from (element.value for element in node.elements)
    elif node is not None:
        yield node
