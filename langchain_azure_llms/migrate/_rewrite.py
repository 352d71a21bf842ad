"""Rewrites one module's imports; no file is read or written."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst
from libcst.metadata import MetadataWrapper, QualifiedNameProvider

from langchain_azure_llms.migrate._names import OLD_NAMES, PACKAGE
from langchain_azure_llms.migrate._survey import Note, Survey, absolute_module, full_name

_Import = cst.Import | cst.ImportFrom
_Lines = cst.ParenthesizedWhitespace
# Parsing takes a tenth of a second for a long file: most files name nothing that counts.
_WORTH_PARSING = re.compile("|".join([r"\bopenai\b", "azureml_endpoint", *OLD_NAMES.values()]))


@dataclass(frozen=True)
class Migration:
    """What became of a module.

    Attributes:
        code: The new source.
        notes: What needs a look, with lines of the old source.
        uses_ours: Whether the module uses a name of this package, now or before.
    """

    code: str
    notes: Sequence[Note] = ()
    uses_ours: bool = False


def migrate(code: str) -> Migration:
    """Return a module with its imports rewritten.

    Args:
        code: Python source.

    Raises:
        libcst.ParserSyntaxError: If it is not Python.
    """
    if not _WORTH_PARSING.search(code):
        return Migration(code)
    wrapper = MetadataWrapper(cst.parse_module(code))
    survey = Survey()
    wrapper.visit(survey)
    changed = wrapper.visit(_Imports(survey))
    return Migration(changed.code, survey.notes(), survey.uses_ours)


class _Imports(cst.CSTTransformer):
    """Takes names from this package, and leaves all others where they were."""

    METADATA_DEPENDENCIES = (QualifiedNameProvider,)

    def __init__(self, survey: Survey) -> None:
        super().__init__()
        self._survey = survey
        self._moved = {use for use in survey.uses if use.root and survey.is_old(use.name)}
        self._others = survey.uses - self._moved

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.Attribute:
        """Look the name up in this package."""
        name = full_name(self, original_node)
        if not self._survey.is_old(name):
            return updated_node
        return updated_node.with_changes(value=cst.Name(PACKAGE), attr=cst.Name(OLD_NAMES[name]))

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine | cst.FlattenSentinel[cst.SimpleStatementLine]:
        """Replace the statements of a line; what one statement becomes stands on own lines."""
        body = self._replaced(original_node.body, updated_node.body)
        if len(updated_node.body) > 1 or len(body) == 1:
            return updated_node.with_changes(body=body)
        first = updated_node.with_changes(body=body[:1])
        lines = [first, *(cst.SimpleStatementLine([statement]) for statement in body[1:])]
        return cst.FlattenSentinel(lines)

    def leave_SimpleStatementSuite(
        self, original_node: cst.SimpleStatementSuite, updated_node: cst.SimpleStatementSuite
    ) -> cst.SimpleStatementSuite:
        """Replace the statements behind a colon."""
        return updated_node.with_changes(body=self._replaced(original_node.body, updated_node.body))

    def _replaced(
        self,
        originals: Sequence[cst.BaseSmallStatement],
        updated: Sequence[cst.BaseSmallStatement],
    ) -> list[cst.BaseSmallStatement]:
        body: list[cst.BaseSmallStatement] = []
        for original, statement in zip(originals, updated, strict=True):
            parts = self._parts(original)
            if parts is None:
                body.append(statement)
                continue
            default = cst.MaybeSentinel.DEFAULT
            body += [part.with_changes(semicolon=default) for part in parts[:-1]]
            body.append(parts[-1].with_changes(semicolon=original.semicolon))
        return body

    def _parts(self, statement: cst.BaseSmallStatement) -> list[cst.BaseSmallStatement] | None:
        """Return what takes the place of an import; None where it stays as it is."""
        if not isinstance(statement, _Import):
            return None
        module = absolute_module(statement) if isinstance(statement, cst.ImportFrom) else ""
        if module is None:
            return None
        moved, kept, needs_package = [], [], False
        for alias in _aliases(statement):
            name = f"{module}.{alias.evaluated_name}".lstrip(".")
            if module and self._survey.is_old(name):
                moved.append(alias)
                continue
            # What is bound: the name or its alias; of `import a.b` it is `a`.
            is_whole = bool(module or alias.asname)
            bound = name if is_whole else name.partition(".")[0]
            root = alias.evaluated_alias or bound.rpartition(".")[2]
            is_left = any(use.root == root and _is_in(use.name, name) for use in self._moved)
            needs_package = needs_package or is_left
            if not is_left or any(
                use.root in {"", root} and _is_in(use.name, bound) for use in self._others
            ):
                kept.append(alias)
        parts: list[cst.BaseSmallStatement] = []
        if kept:
            parts.append(_with_aliases(statement, kept))
        if moved:
            from_here = statement.with_changes(module=cst.Name(PACKAGE))
            parts.append(_with_aliases(from_here, moved))
        if needs_package:
            parts.append(cst.Import([cst.ImportAlias(cst.Name(PACKAGE))]))
        return parts if moved or needs_package else None


def _is_in(name: str, module: str) -> bool:
    return f"{name}.".startswith(f"{module}.")


def _with_aliases(statement: _Import, aliases: Sequence[cst.ImportAlias]) -> _Import:
    """Return an import of some of its names, in the layout that it has."""
    last, old_last = aliases[-1], [*_aliases(statement)][-1]
    if last is old_last:
        return statement.with_changes(names=aliases)
    rpar = statement.rpar if isinstance(statement, cst.ImportFrom) else None
    comma: cst.Comma | cst.MaybeSentinel = cst.MaybeSentinel.DEFAULT
    if rpar is not None and isinstance(last.comma, cst.Comma):
        closing = old_last.comma
        has_comma = isinstance(closing, cst.Comma)
        end = closing.whitespace_after if isinstance(closing, cst.Comma) else rpar.whitespace_before
        space = last.comma.whitespace_after
        if isinstance(space, _Lines) and isinstance(end, _Lines):
            # Its own comment, and the line break before the bracket.
            space = space.with_changes(indent=end.indent, last_line=end.last_line)
            comma = last.comma.with_changes(whitespace_after=space)
            rpar = rpar if has_comma else cst.RightParen()
            statement = statement.with_changes(rpar=rpar)
    return statement.with_changes(names=[*aliases[:-1], last.with_changes(comma=comma)])


def _aliases(statement: _Import) -> Sequence[cst.ImportAlias]:
    return () if isinstance(statement.names, cst.ImportStar) else statement.names
