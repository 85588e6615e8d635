"""Rows in runs of similar length: by hand, and that none is lost."""

import numpy as np
import pytest

from retriever.encoders.similar_length import runs_of_similar_length


def runs(lengths: list[int], most_rows: int = 64, most_tokens: int = 4096) -> list[list[int]]:
    return [run.tolist() for run in runs_of_similar_length(lengths, most_rows, most_tokens)]


def test_by_hand() -> None:
    # 40, 30 and 26 in one run are padded by 0 + 10 + 14 = 24 tokens; 25 would make it 39
    assert runs([30, 40, 25, 26]) == [[1, 0, 3], [2]]
    assert runs([30, 40, 26, 25, 1]) == [[1, 0, 2], [3, 4]]  # 25 and 1: 24
    assert runs([30, 40, 26, 26, 1]) == [[1, 0, 2], [3], [4]]  # 26 and 1: 25


def test_equal_rows_run_together_as_far_as_there_is_room() -> None:
    assert runs([5] * 7, most_rows=3) == [[0, 1, 2], [3, 4, 5], [6]]
    assert runs([10] * 5, most_tokens=25) == [[0, 1], [2, 3], [4]]
    assert runs([100, 100], most_tokens=50) == [[0], [1]]
    assert runs([]) == []


@pytest.mark.parametrize("seed", range(5))
def test_every_row_once_and_little_padding(seed: int) -> None:
    lengths = np.random.default_rng(seed).integers(1, 200, 300)
    found = runs(lengths.tolist(), 16, 1000)
    assert sorted(at for run in found for at in run) == list(range(300))
    for run in found:
        longest = lengths[run].max()
        assert len(run) <= 16 and (len(run) * longest <= 1000 or len(run) == 1)
        assert (longest - lengths[run]).sum() <= 24
