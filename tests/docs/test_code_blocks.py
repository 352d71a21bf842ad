"""Every Python block of the documentation runs, against the local endpoints."""

import re
from pathlib import Path

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
    if _BLOCK.search(page.read_text())
]
_PLACE_OF_AZURE = re.compile(r'"https://<endpoint>[^"]*"|"\.\.\."')


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
    for name, value in endpoints.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    for needs_more, block, printed in _BLOCK.findall(page.read_text()):
        code = _PLACE_OF_AZURE.sub(
            lambda found: repr(
                endpoints.api_key if found[0] == '"..."' else f"{endpoints.url}/score"
            ),
            block,
        )
        compiled = compile(code, str(page), "exec")
        if not needs_more:
            exec(compiled, {"__name__": "documentation"})  # noqa: S102
            found = capsys.readouterr().out
            assert not printed or printed.rstrip() == found.rstrip()


def test_the_guides_have_blocks() -> None:
    """And so have the tutorials; pages without any are those of tables and of explanations."""
    guides = {page for folder in ("how-to", "tutorial") for page in (_DOCS / folder).glob("*.md")}
    assert {*guides, _REPOSITORY / "README.md", _DOCS / "index.md"} <= {*_PAGES}
