"""How tokens that were given out are remembered."""

from langchain_azure_llms.local._credentials import Credentials


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_revoking_ends_those_that_are_out() -> None:
    """And none of those that come after; all are counted."""
    credentials = Credentials("key")
    before = bearer(credentials.issue(10))
    credentials.revoke()
    after = bearer(credentials.issue(10))
    assert [False, True] == [credentials.has_bearer(headers) for headers in (before, after)]
    assert [True, False] == [credentials.knows_bearer(one) for one in (before, bearer("x"))]
    assert 2 == credentials.issued


def test_the_oldest_are_forgotten() -> None:
    """A client that asks for ever makes nothing grow."""
    credentials = Credentials("key")
    issued = [bearer(credentials.issue(10)) for _ in range(1025)]
    assert [False, True] == [credentials.has_bearer(headers) for headers in issued[:2]]
    assert not credentials.knows_bearer(issued[0])
    assert 1025 == credentials.issued
