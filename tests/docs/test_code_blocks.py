"""Every Python block of the documentation runs, against the local endpoints."""

import os
import re
import warnings
from importlib import import_module
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest

from langchain_azure_llms.local import LocalEndpoints

_REPOSITORY = Path(__file__).parents[2]
_DOCS = _REPOSITORY / "docs"
_BLOCK = re.compile(
    r"^(<!-- needs [^>]* -->\n)?```python\n(.*?)^```$(?:\n+```text\n(.*?)^```$)?", re.M | re.S
)
_PAGES = [
    page
    for page in [_REPOSITORY / "README.md", *sorted(_DOCS.rglob("*.md"))]
    # Translations have the blocks of the English page: a test of their own compares them.
    if "." not in page.stem and _BLOCK.search(page.read_text())
]
_PLACE_OF_AZURE = re.compile(r'"(https://<endpoint>[^"]*|\.\.\.)"')
_STYLE = re.compile(r"\x1b\[\d*m")


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_the_blocks_of_a_page_run_in_their_order(
    page: Path,
    endpoints: LocalEndpoints,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In a folder of their own; a placeholder for an Azure address stands for the local one.

    One that is marked as needing more is only compiled. Where text follows a block, that is what
    the block prints.
    """
    # Azure's machines get tokens from there.
    identity = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": endpoints.url}
    monkeypatch.chdir(tmp_path)
    import_module("langchain_classic")  # it sets filters of its own, which ours must follow
    warnings.filterwarnings("ignore", "The class `LLMChain`", DeprecationWarning)
    with patch.dict(os.environ, {**endpoints.environ, **identity}):  # blocks may set others
        for needs_more, block, printed in _BLOCK.findall(page.read_text()):
            code = _PLACE_OF_AZURE.sub(lambda found: repr(_local(endpoints, found[1])), block)
            compiled = compile(code, str(page), "exec")
            if not needs_more:
                exec(compiled, {"__name__": "documentation"})  # noqa: S102
                found = _STYLE.sub("", capsys.readouterr().out)
                assert not printed or printed.rstrip() == found.rstrip()


def _local(endpoints: LocalEndpoints, placeholder: str) -> str:
    """Return the local key, or the local address with the placeholder's path."""
    if placeholder == "...":
        return endpoints.api_key
    return endpoints.url + urlsplit(placeholder).path


def test_the_guides_have_blocks() -> None:
    """And so have the tutorials; pages without any are those of tables and of explanations."""
    guides = {page for folder in ("how-to", "tutorial") for page in (_DOCS / folder).glob("*.md")}
    assert {*guides, _REPOSITORY / "README.md", _DOCS / "index.md"} <= {*_PAGES}
