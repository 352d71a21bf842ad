"""Every Python block of the documentation runs, against the local endpoints."""

import re
from pathlib import Path

import pytest

from langchain_azure_llms.local import LocalEndpoints

_REPOSITORY = Path(__file__).parents[2]
_PAGES = [_REPOSITORY / "README.md", *sorted((_REPOSITORY / "docs").rglob("*.md"))]
_BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)
_PLACE_OF_AZURE = re.compile(r'"https://<endpoint>[^"]*"|"\.\.\."')


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_the_blocks_of_a_page_run_in_their_order(
    page: Path, endpoints: LocalEndpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder of their own; a placeholder for an Azure address stands for the local one."""
    for name, value in endpoints.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    blocks = _BLOCK.findall(page.read_text())
    assert blocks
    for block in blocks:
        code = _PLACE_OF_AZURE.sub(
            lambda found: repr(
                endpoints.api_key if found[0] == '"..."' else f"{endpoints.url}/score"
            ),
            block,
        )
        exec(compile(code, str(page), "exec"), {"__name__": "documentation"})  # noqa: S102
