from functools import partial

import numpy as np
import pytest

from retriever.errors import InputError
from retriever.fusion import combine, fuse, mean_ranks, minmax, rank, register, rrf, softmax, weighted, zscore

ORDER_KEEPING = [rrf, partial(weighted, normalisation="minmax"), partial(weighted, normalisation="rank")]
ALL = [*ORDER_KEEPING, partial(weighted, normalisation="zscore"), partial(weighted, normalisation="softmax")]


def rounds(n: int = 200) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in range(n)]


def some_scores(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    """Three scorers on quite different scales, the second with many ties."""
    return {
        "embedding": rng.uniform(-1, 1, n),
        "lexical": rng.integers(0, 4, n).astype(float),
        "ranker": rng.normal(50, 1000, n),
    }


# --- by hand


def test_mean_ranks_by_hand() -> None:
    assert mean_ranks([3.0, 9.0, 3.0, -1.0]).tolist() == [2.5, 1.0, 2.5, 4.0]
    assert mean_ranks([0.0, -0.0, 0.0]).tolist() == [2.0, 2.0, 2.0]
    assert mean_ranks([]).tolist() == []


def test_rrf_by_hand() -> None:
    """a: ranks 1, 2, 3; b: ranks 2.5, 1, 2.5."""
    fused = rrf({"a": [9, 5, 1], "b": [0.0, 2.0, 0.0]})
    assert fused == pytest.approx([1 / 61 + 1 / 62.5, 1 / 62 + 1 / 61, 1 / 63 + 1 / 62.5])
    assert np.argmax(fused) == 1


def test_rrf_weights_and_k_by_hand() -> None:
    fused = rrf({"a": [9, 5], "b": [1, 2]}, weights={"b": 3.0}, k=0)
    assert fused == pytest.approx([1 / 1 + 3 / 2, 1 / 2 + 3 / 1])


def test_weighted_by_hand() -> None:
    """minmax: a = 1, .5, 0 and b = 0, 0, 1; zscore of (3, 1): (1, -1)."""
    scores = {"a": [30.0, 20.0, 10.0], "b": [-1.0, -1.0, 0.0]}
    assert weighted(scores).tolist() == [1.0, 0.5, 1.0]
    assert weighted(scores, weights={"a": 0.5, "b": 2.0}).tolist() == [0.5, 0.25, 2.0]
    assert weighted({"a": [3, 1]}, normalisation="zscore").tolist() == [1.0, -1.0]


def test_normalisations_by_hand() -> None:
    assert minmax([2, 4, 3]).tolist() == [0.0, 1.0, 0.5]
    assert zscore([1, 2, 3]) == pytest.approx([-(1.5**0.5), 0.0, 1.5**0.5])
    assert rank([5, 7, 7, 1, 0]).tolist() == pytest.approx([0.5, 0.875, 0.875, 0.25, 0.0])
    assert softmax([0, 0]).tolist() == [0.5, 0.5]
    assert softmax([np.log(3), 0]) == pytest.approx([0.75, 0.25])
    assert softmax([np.log(3), 0], temperature=0.5) == pytest.approx([0.9, 0.1])


def test_mean_ranks_against_a_slow_reference() -> None:
    for rng in rounds(50):
        scores = rng.integers(0, 6, rng.integers(1, 15))
        slow = [1 + (scores > own).sum() + ((scores == own).sum() - 1) / 2 for own in scores]
        assert mean_ranks(scores).tolist() == slow


# --- scorers without an opinion


@pytest.mark.parametrize("method", ALL)
def test_a_constant_scorer_changes_nothing(method) -> None:
    for rng in rounds(50):
        scores = some_scores(rng, 12)
        silent = scores | {"a": np.full(12, rng.normal())}
        np.testing.assert_array_equal(method(silent), method(scores))


@pytest.mark.parametrize("method", ALL)
def test_nobody_has_an_opinion(method) -> None:
    assert method({"a": [3, 3, 3], "b": [0, 0, 0]}).tolist() == [0, 0, 0]
    assert method({"a": [3.0]}).tolist() == [0.0]
    assert method({"a": [], "b": []}).tolist() == []


@pytest.mark.parametrize("normalise", [minmax, zscore, rank])
def test_constant_scores_normalise_to_zero(normalise) -> None:
    assert normalise([7, 7]).tolist() == [0, 0]
    assert normalise([7]).tolist() == [0]
    assert normalise([]).tolist() == []


def test_weight_zero_takes_a_scorer_out() -> None:
    scores = some_scores(np.random.default_rng(1), 9)
    without = {name: scores[name] for name in ("embedding", "lexical")}
    np.testing.assert_array_equal(fuse(scores, weights={"ranker": 0}), fuse(without))


# --- laws


@pytest.mark.parametrize("method", ALL)
def test_permuting_the_stickers_permutes_the_result(method) -> None:
    for rng in rounds(50):
        scores = some_scores(rng, 11)
        order = rng.permutation(11)
        turned = method({name: values[order] for name, values in scores.items()})
        np.testing.assert_allclose(turned, method(scores)[order], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("method", ALL)
def test_the_order_of_the_scorers_does_not_matter(method) -> None:
    for rng in rounds(20):
        scores = some_scores(rng, 11)
        np.testing.assert_array_equal(method(dict(reversed(scores.items()))), method(scores))


@pytest.mark.parametrize("method", ORDER_KEEPING)
def test_raising_a_score_never_costs_a_place(method) -> None:
    for rng in rounds():
        scores = some_scores(rng, 9)
        lucky = int(rng.integers(9))
        name = str(rng.choice(list(scores)))
        raised = {key: values.copy() for key, values in scores.items()}
        raised[name][lucky] += rng.choice([0.1, 1.0, 1e4])
        before, after = method(scores), method(raised)
        assert (after > after[lucky] + 1e-12).sum() <= (before > before[lucky] + 1e-12).sum()


@pytest.mark.parametrize("method", ALL[:-1])
def test_shifting_and_stretching_a_scorer_changes_nothing(method) -> None:
    for rng in rounds(50):
        scores = some_scores(rng, 10)
        moved = {name: 4.0 * values + 16.0 for name, values in scores.items()}
        np.testing.assert_allclose(method(moved), method(scores), rtol=1e-9, atol=1e-9)


def test_softmax_bears_shifts_alone() -> None:
    values = np.array([1.0, 2.0, 4.0])
    np.testing.assert_allclose(softmax(values + 100), softmax(values))
    assert abs(softmax(2 * values) - softmax(values)).max() > 0.1


def test_rrf_reads_the_order_alone() -> None:
    for rng in rounds(20):
        scores = some_scores(rng, 10)
        bent = {name: np.exp(values / 1000) for name, values in scores.items()}
        np.testing.assert_array_equal(rrf(bent), rrf(scores))


@pytest.mark.parametrize("method", ALL)
def test_inputs_stay_as_they_were(method) -> None:
    scores = some_scores(np.random.default_rng(0), 8)
    kept = {name: values.copy() for name, values in scores.items()}
    for values in scores.values():
        values.setflags(write=False)
    weights = {"lexical": 2.0}
    result = method(scores, weights=weights)
    assert result.dtype == np.float64 and result.shape == (8,)
    assert weights == {"lexical": 2.0}
    for name, values in kept.items():
        np.testing.assert_array_equal(scores[name], values)
        assert not np.shares_memory(result, scores[name])


@pytest.mark.parametrize("normalise", [minmax, zscore, rank, softmax, mean_ranks])
@pytest.mark.parametrize(
    "values", [[-1.7e308, 0.0, 1.7e308], [0.0, 5e-324], [1e-300, 2e-300, 4e-300], [1e200, -1e200]]
)
def test_extreme_scores_stay_finite_and_in_order(normalise, values) -> None:
    result = normalise(values)
    assert np.isfinite(result).all()
    steps = np.diff(result[np.argsort(values)])
    assert (steps <= 0).all() if normalise is mean_ranks else (steps >= 0).all()


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.uint8])
def test_other_number_types(dtype) -> None:
    assert weighted({"a": np.array([0, 5, 10], dtype=dtype)}).tolist() == [0.0, 0.5, 1.0]


# --- refusals

GOOD = {"a": [1.0, 2.0], "b": [2.0, 1.0]}


@pytest.mark.parametrize(
    ("scores", "weights", "message"),
    [
        ({}, None, "nothing to fuse"),
        ({"a": [1, 2], "b": [1]}, None, r"different numbers of stickers \(a: 2, b: 1\)"),
        ({"a": [1, float("nan")]}, None, "score 1 of 'a' is nan"),
        ({"a": [float("-inf"), 1]}, None, "score 0 of 'a' is -inf"),
        ({"a": [[1, 2]]}, None, r"'a' have shape \(1, 2\)"),
        ({"a": ["x", "y"]}, None, "expected \\(n,\\) numbers"),
        ({"a": [True, False]}, None, "expected \\(n,\\) numbers"),
        (GOOD, {"c": 1}, "a weight for 'c', which scored nothing; there are a, b"),
        (GOOD, {"a": -1}, "the weight of 'a' is -1"),
        (GOOD, {"a": float("nan")}, "the weight of 'a' is nan"),
        (GOOD, {"a": 0, "b": 0}, "every weight is 0"),
    ],
)
@pytest.mark.parametrize("method", ["rrf", "weighted"])
def test_bad_input_is_refused(method: str, scores, weights, message: str) -> None:
    with pytest.raises(InputError, match=message):
        fuse(scores, method, weights=weights)


def test_a_nan_is_refused_even_where_its_weight_is_zero() -> None:
    with pytest.raises(InputError, match="score 0 of 'b' is nan"):
        fuse({"a": [1, 2], "b": [float("nan"), 1]}, weights={"b": 0})


def test_unknown_names_list_what_exists() -> None:
    with pytest.raises(InputError, match="no fusion method 'borda'; there are rrf, weighted"):
        fuse(GOOD, "borda")
    with pytest.raises(InputError, match="no normalisation 'log'; there are none, minmax, zscore, rank"):
        fuse(GOOD, "weighted", normalisation="log")
    with pytest.raises(InputError, match=r"no option 'normalisation' of fusion method 'rrf'; there are k$"):
        fuse(GOOD, "rrf", normalisation="minmax")


@pytest.mark.parametrize("k", [-1.0, float("nan"), float("inf")])
def test_k_must_make_sense(k: float) -> None:
    with pytest.raises(InputError, match="k of rrf"):
        rrf(GOOD, k=k)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_temperature_must_make_sense(temperature: float) -> None:
    with pytest.raises(InputError, match="the temperature is"):
        softmax([1, 2], temperature)


def test_register_adds_and_refuses_duplicates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(combine, "METHODS", dict(combine.METHODS))

    @register("best")
    def best(scores, *, weights=None):
        return np.max([minmax(values) for values in scores.values()], axis=0)

    assert fuse(GOOD, "best").tolist() == [1.0, 1.0]
    with pytest.raises(InputError, match="there is a fusion method 'best' already"):
        register("best")(best)
