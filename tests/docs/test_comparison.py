"""The README's comparison is what was found, not what somebody once wrote."""

from tests.docs import comparison


def test_the_readme_shows_what_was_found() -> None:
    """`make tables` writes it."""
    readme = comparison.README.read_text(encoding="utf-8")
    assert comparison.with_table(readme, comparison.current()) == readme


def test_claims_are_counted_by_class() -> None:
    """What does not apply to a class is none that it breaks."""
    page = (
        "| claim | a | b |\n|---|---|---|\n"
        "| One | yes | no: it raises |\n| Two | yes | - |\n| Three | no | yes |\n"
    )
    assert [(2, 3), (1, 2)] == comparison.kept(page)
