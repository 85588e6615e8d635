"""The ordered thread pool: order kept, never far ahead, errors passed on."""

import threading
from collections.abc import Iterator

import pytest

from retriever.indexing.parallel import ordered_map


def test_order_is_kept_whoever_is_done_first() -> None:
    first_may_end = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert first_may_end.wait(30)
        elif item == 3:
            first_may_end.set()
        return item * 10

    assert list(ordered_map(work, range(6), workers=4)) == [0, 10, 20, 30, 40, 50]


def test_reads_no_further_than_its_window() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    results = ordered_map(lambda item: item, items(), workers=2, window=5)
    for expected in range(20):
        assert next(results) == expected
        assert len(taken) <= expected + 6
    results.close()
    assert len(taken) <= 26


def test_nothing_to_do() -> None:
    assert list(ordered_map(lambda item: item, [], workers=2)) == []


def test_an_error_comes_in_its_turn() -> None:
    def work(item: int) -> int:
        if item == 2:
            raise ValueError("two")
        return item

    results = ordered_map(work, range(5), workers=2)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(results)
