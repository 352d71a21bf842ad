"""`python -m tests.docs.translations`: copies code blocks from English pages into translations.

So does `make tables`. The prose is written by hand; a test compares the rest of the structure.
"""

import re
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
_INTEGRATIONS = REPOSITORY / "docs" / "integrations"
LANGUAGES = {
    "en": "English",
    "ko": "한국어",
    "zh-CN": "简体中文",
    "fr": "Français",
    "es": "Español",
}
"""The name of each language in itself, by its tag."""
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Translation:
    """A page in another language.

    Attributes:
        path: The page.
        english: The page that it is a translation of.
        language: The tag of its language.
    """

    path: Path
    english: Path
    language: str

    @property
    def is_readme(self) -> bool:
        """Whether it has only the beginning of its English page."""
        return self.english.name == "README.md"


def translations() -> list[Translation]:
    """Return all translations that there must be."""
    pages = {_INTEGRATIONS / f"{name}.md": _INTEGRATIONS for name in ("azure_openai", "azure_ml")}
    pages[REPOSITORY / "README.md"] = REPOSITORY / "docs" / "readme"
    return [
        Translation(folder / f"{english.stem}.{language}.md", english, language)
        for english, folder in pages.items()
        for language in LANGUAGES
        if language != "en"
    ]


def blocks(page: Path) -> list[str]:
    """Return a page's code blocks, fences included."""
    return [found[0] for found in _BLOCK.finditer(page.read_text(encoding="utf-8"))]


def with_blocks(page: Path, replacements: list[str]) -> str:
    """Return a page's text with other code blocks, in their order."""
    text = page.read_text(encoding="utf-8")
    rest = _BLOCK.split(text)[:: _BLOCK.groups + 1]
    count = len(rest) - 1
    between = zip(rest, [*replacements[:count], ""], strict=True)
    return "".join(chain.from_iterable(between))


if __name__ == "__main__":
    for one in translations():
        one.path.write_text(with_blocks(one.path, blocks(one.english)), encoding="utf-8")
