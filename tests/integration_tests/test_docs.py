"""Every Python block of the documentation runs, against the local endpoints."""

import re
from pathlib import Path

import pytest

from langchain_azure_llms.local import LocalEndpoints

_REPOSITORY = Path(__file__).parents[2]
_BLOCK = re.compile(r"^(<!-- needs [^>]* -->\n)?```python\n(.*?)^```", re.M | re.S)
_PAGES = [
    page
    for page in [_REPOSITORY / "README.md", *sorted((_REPOSITORY / "docs").rglob("*.md"))]
    if _BLOCK.search(page.read_text())
]
_PLACE_OF_AZURE = re.compile(r'"https://<endpoint>[^"]*"|"\.\.\."')


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_the_blocks_of_a_page_run_in_their_order(
    page: Path, endpoints: LocalEndpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder of their own; a placeholder for an Azure address stands for the local one.

    One that is marked as needing more is only compiled.
    """
    for name, value in endpoints.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    for needs_more, block in _BLOCK.findall(page.read_text()):
        code = _PLACE_OF_AZURE.sub(
            lambda found: repr(
                endpoints.api_key if found[0] == '"..."' else f"{endpoints.url}/score"
            ),
            block,
        )
        compiled = compile(code, str(page), "exec")
        if not needs_more:
            exec(compiled, {"__name__": "documentation"})  # noqa: S102


def test_the_guides_have_blocks() -> None:
    """Pages without any are those of tables."""
    guides = {page.name for page in (_REPOSITORY / "docs" / "how-to").glob("*.md")}
    assert {*guides, "README.md"} == {page.name for page in _PAGES}
