"""Sets of ids that stay small."""

import sys

from langchain_azure_llms.bulk.ids import SeenIds, id_key


def test_an_id_is_new_once() -> None:
    seen = SeenIds(10)
    assert [seen.add(value) for value in ("a", "b", "a", 1, "1", 1)] == [
        True,
        True,
        False,
        True,
        True,
        False,
    ]


def test_no_id_of_many_is_mistaken_for_another() -> None:
    seen = SeenIds(20_000)
    assert all(seen.add(f"row-{number}") for number in range(20_000))
    assert len({id_key(f"row-{number}") for number in range(20_000)}) == 20_000


def test_a_million_ids_take_six_megabytes() -> None:
    assert sys.getsizeof(SeenIds(1_000_000)._bits) < 6.1e6


def test_a_key_is_kept_in_32_bytes() -> None:
    assert max(sys.getsizeof(id_key(f"row-{number}")) for number in range(100)) <= 32
