"""Translations have what their English pages have: headings, code, links, tables, names."""

import os
import re
from pathlib import Path

import pytest

from tests.docs.translations import (
    LANGUAGES,
    REPOSITORY,
    Translation,
    blocks,
    translations,
    with_blocks,
)

_ALL = translations()
_PAGES = [one for one in _ALL if not one.is_readme]
_READMES = [one for one in _ALL if one.is_readme]
_FENCE = re.compile(r"^```.*?^```$", re.M | re.S)
_HEADING = re.compile(r"^(#+) ", re.M)
_LINK = re.compile(r"\[[^\]]*\]\(([^)]+)\)")
_ADDRESS = re.compile(r"(?<=\()https?://\S+?(?=docs/readme/)")
_CODE = re.compile(r"`([^`]+)`")
_SCRIPTS = {"ko": re.compile(r"[가-힣]"), "zh-CN": re.compile(r"[一-鿿]")}
"""What a paragraph in a language has, where English has none of it."""

each = pytest.mark.parametrize("one", _ALL, ids=lambda one: one.path.name)
each_page = pytest.mark.parametrize("one", _PAGES, ids=lambda one: one.path.name)
each_readme = pytest.mark.parametrize("one", _READMES, ids=lambda one: one.path.name)


def _prose(page: Path) -> str:
    """Return a page without its code blocks, and without its title and language switch."""
    return _FENCE.sub("", page.read_text(encoding="utf-8")).split("\n", 3)[3]


def _links(page: Path) -> list[str]:
    """Return where a page links to: addresses, and files of the repository."""
    found = []
    for target in _LINK.findall(_prose(page)):
        if "://" in target:
            found.append(target)
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve().relative_to(REPOSITORY)
        found.append(f"{path}#{anchor}" if anchor else str(path))
    return sorted(found)


def _switch(page: Path, english: Path, folder: Path) -> str:
    """Return the line that leads from a page to the same one in other languages."""
    entries = []
    for language, name in LANGUAGES.items():
        other = english if language == "en" else folder / f"{english.stem}.{language}.md"
        target = os.path.relpath(other, page.parent)
        entries.append(f"**{name}**" if other == page else f"[{name}]({target})")
    return " · ".join(entries)


@each
def test_a_translation_has_the_code_of_its_english_page(one: Translation) -> None:
    """To the letter; a README's has the first blocks. `make tables` copies them."""
    english = blocks(one.english)
    found = blocks(one.path)
    assert found == (english[: len(found)] if one.is_readme else english)
    assert len(found) >= 6


@each
def test_a_language_switch_leads_to_the_other_languages(one: Translation) -> None:
    """On each page, below its title; the page's own language is no link."""
    for page in (one.path, one.english):
        line = page.read_text(encoding="utf-8").split("\n")[2]
        line = _ADDRESS.sub("", line)  # a package index needs whole addresses
        assert line == _switch(page, one.english, one.path.parent)


@each
def test_each_link_of_a_translation_leads_somewhere(one: Translation) -> None:
    """To a file that is there, and to a heading of it."""
    for link in _links(one.path):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        text = (REPOSITORY / name).read_text(encoding="utf-8")
        headings = [line.lstrip("# ") for line in text.splitlines() if line.startswith("#")]
        slugs = {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in headings}
        assert not anchor or anchor in slugs


@each_page
def test_a_translation_has_the_headings_of_its_english_page(one: Translation) -> None:
    """Their levels, in their order."""
    assert _HEADING.findall(_prose(one.path)) == _HEADING.findall(_prose(one.english))


@each_page
def test_a_translation_has_the_links_of_its_english_page(one: Translation) -> None:
    """Those to a page that is translated lead to its translation."""
    names = "|".join({page.english.stem for page in _PAGES})
    in_language = re.compile(rf"/({names})\.md")
    expected = [in_language.sub(rf"/\1.{one.language}.md", link) for link in _links(one.english)]
    assert _links(one.path) == sorted(expected)


@each_page
def test_a_translation_names_what_its_english_page_names(one: Translation) -> None:
    """Settings, classes and variables, each as often."""
    assert sorted(_CODE.findall(_prose(one.path))) == sorted(_CODE.findall(_prose(one.english)))


@each
def test_nothing_was_left_in_english(one: Translation) -> None:
    """Each paragraph has letters of its language, or words that English has not."""
    english = {text.strip() for text in _prose(one.english).split("\n\n")}
    paragraphs = [text.strip() for text in _prose(one.path).split("\n\n") if text.strip()]
    same = [text for text in paragraphs if text in english and not text.startswith("###")]
    assert same == []
    if script := _SCRIPTS.get(one.language):
        without = [text for text in paragraphs if not script.search(text)]
        assert [text for text in without if not text.startswith("#")] == []


@each_readme
def test_a_readme_lists_the_extras(one: Translation) -> None:
    """Those of the English one, in their order."""
    row = re.compile(r"^\| `(\w+)` \|", re.M)
    install = one.english.read_text(encoding="utf-8").partition("## Install")[2]
    english = row.findall(install.partition("\n## ")[0])
    assert row.findall(_prose(one.path)) == english


def test_readmes_have_the_same_headings_in_all_languages() -> None:
    """The beginning of the English one, and where to go on."""
    levels = {one.language: _HEADING.findall(_prose(one.path)) for one in _READMES}
    assert levels == dict.fromkeys(levels, ["##"] * 5)


def test_code_is_copied_and_prose_is_not(tmp_path: Path) -> None:
    """As many blocks as there are; further ones of the English page are not its business."""
    page = tmp_path / "page.ko.md"
    page.write_text("하나\n\n```python\nold\n```\n\n둘\n\n```text\n```\n끝\n", encoding="utf-8")
    english = ["```python\nnew\n```", "```text\nit\n```", "```text\nmore\n```"]
    assert with_blocks(page, english) == (
        "하나\n\n```python\nnew\n```\n\n둘\n\n```text\nit\n```\n끝\n"
    )
