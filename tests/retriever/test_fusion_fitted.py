"""A fitted fusion: its arithmetic, its file, and the chain that uses it."""

import json
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from tiny_library import TinyPack

from retriever.chain import StickerRetriever
from retriever.errors import InputError
from retriever.fusion import fuse, parts, softmax
from retriever.fusion.decision import EVIDENCE, Decider, evidence
from retriever.fusion.file import file_id, load_fusion, save_fusion
from retriever.fusion.fitted import FittedFusion, Gate
from retriever.fusion.traits import TRAITS, traits
from retriever.indexing import index_pack
from retriever.scorers.identity import identities
from retriever.types import Conversation

ZERO = (0.0,) * len(TRAITS)
ONE = (1.0,) * len(TRAITS)
N = len(EVIDENCE) + len(TRAITS)
GATE = Gate(mean=ZERO, spread=ONE, bias={"a": 0.0, "b": math.log(3)}, slopes={"a": (2.0, 0, 0, 0), "b": ZERO})
DECIDER = Decider((0.5,) * N, (2.0,) * N, (0.1,) * N, -0.25, 0.6, "send rate 0.3", (0.1, 0.9), (0.2, 0.7))
FULL = FittedFusion(
    method="weighted",
    normalisation="softmax",
    weights={"a": 2.0, "b": 4.0},
    scorers={"a": "model@1", "b": "model@2"},
    temperatures={"a": 0.5, "b": 3.0},
    gate=GATE,
    decision=DECIDER,
    checkpoints={"b": "/models/b"},
    provenance={"seed": 0, "figures": {"R@1": 0.5}},
)
PLAIN = FittedFusion("weighted", {"a": 1.0, "b": 0.5}, {"a": "1", "b": "2"}, "none")


# --- arithmetic


def test_a_gate_by_hand() -> None:
    """softmax(0, ln 3) is (1/4, 3/4); with the first trait at 1, softmax(2, ln 3)."""
    assert FULL.weights_for(np.zeros(4)) == pytest.approx({"a": 2 * 0.25, "b": 4 * 0.75})
    e = math.exp(2)
    assert FULL.weights_for(np.array([1.0, 9, 9, 9])) == pytest.approx(
        {"a": 2 * e / (e + 3), "b": 12 / (e + 3)}
    )


def test_raw_scores_are_summed_as_they_are() -> None:
    fused = fuse({"a": [1.0, 5.0], "b": [2.0, -2.0]}, PLAIN.method, weights=PLAIN.weights, **PLAIN.options)
    assert fused.tolist() == [2.0, 4.0]


def test_each_scorer_is_softened_by_its_own_temperature() -> None:
    scores = {"a": np.array([1.0, 2.0, 0.0]), "b": np.array([4.0, 1.0, 0.0])}
    expected = 2 * softmax(scores["a"], 0.5) + 4 * softmax(scores["b"], 3.0)
    assert fuse(scores, "weighted", weights=FULL.weights, **FULL.options) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("method", "options"),
    [("rrf", {"k": 10.0}), ("weighted", {"normalisation": "zscore"}), ("weighted", PLAIN.options)],
)
def test_parts_add_up(method: str, options: dict[str, object]) -> None:
    rng = np.random.default_rng(0)
    scores = {"a": rng.normal(size=9), "b": rng.normal(size=9), "c": np.ones(9)}
    weights = {"a": 0.5, "b": 2.0, "c": 7.0}
    added = parts(scores, method, weights=weights, **options)
    assert sum(added.values()) == pytest.approx(fuse(scores, method, weights=weights, **options))
    assert not added["c"].any()  # no opinion, nothing added
    assert added["a"].any()


def test_traits_by_hand() -> None:
    talk = Conversation.from_texts("hello", "好好 ab", mode="supplement")
    seen = dict(zip(TRAITS, traits(talk), strict=True))
    assert seen["not_latin"] == pytest.approx(2 / 9)  # 好好 of hello好好ab
    assert seen["turns"] == pytest.approx(math.log(2))
    assert seen["supplement"] == 1.0


def test_evidence_by_hand() -> None:
    """Scores ln 6, ln 3, ln 1: shares 0.6, 0.3, 0.1."""
    seen = dict(zip(EVIDENCE, evidence(np.log([3.0, 6.0, 1.0])), strict=True))
    assert seen["margin"] == pytest.approx(math.log(2))
    assert seen["top"] == pytest.approx(math.log(6) - math.log(18) / 3)
    assert seen["share"] == pytest.approx(math.log(0.6))
    entropy = -(0.6 * math.log(0.6) + 0.3 * math.log(0.3) + 0.1 * math.log(0.1)) / math.log(3)
    assert seen["entropy"] == pytest.approx(entropy)


@pytest.mark.parametrize("scores", [[], [3.0], [2.0, 2.0], [1e300, -1e300], list(range(500))])
def test_evidence_is_always_finite_and_does_not_mind_a_shift(scores: list[float]) -> None:
    seen = evidence(np.array(scores))
    assert np.isfinite(seen).all() and 0 <= seen[3] <= 1
    if len(scores) > 2:
        assert evidence(np.array(scores) + 1000) == pytest.approx(seen, abs=1e-9)


def test_a_decision_by_hand() -> None:
    """Features of 2.5 are a deviation up: 0.1 each, minus 0.25; then (0.1, 0.9) becomes (0.2, 0.7)."""
    p = 1 / (1 + math.exp(-(0.1 * N - 0.25)))
    assert DECIDER.probability(np.full(N, 2.5))[0] == pytest.approx(0.2 + (p - 0.1) / 0.8 * 0.5)
    with pytest.raises(InputError, match=f"got 3 features; this decision reads {N}"):
        DECIDER.probability(np.zeros(3))


# --- what is refused


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": {"a": 0.0, "b": 0.0}}, "no scorer has a weight above 0"),
        ({"scorers": {"a": "1"}}, "weights of"),
        ({"normalisation": "log"}, "there are none, minmax"),
        ({"temperatures": {"a": 1.0}}, "temperature for every scorer"),
        ({"gate": replace(GATE, mean=(0.0,))}, "the gate needs a bias"),
        ({"gate": replace(GATE, bias={"a": 0.0})}, "the gate needs a bias"),
    ],
)
def test_a_fusion_that_cannot_be(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(FULL, **change)  # type: ignore[arg-type]


def test_another_scorer_is_refused_and_an_absent_one_left_out(caplog: pytest.LogCaptureFixture) -> None:
    assert FULL.bound_to({"a": "model@1", "b": "model@2"}) == (FULL, ())
    with pytest.raises(InputError, match="fitted with another 'b' \\(model@2; here: model@3\\)"):
        FULL.bound_to({"a": "model@1", "b": "model@3"})
    with pytest.raises(InputError, match="fitted with a, b, not with 'llm'"):
        FULL.bound_to({"a": "model@1", "b": "model@2", "llm": "x"})
    left, absent = FULL.bound_to({"a": "model@1"})
    assert absent == ("b",) and left.weights == {"a": 2.0} and left.decision is None
    assert "fitted with b too, absent here" in caplog.text
    assert left.weights_for(np.zeros(4)) == pytest.approx({"a": 0.5})  # as with b there
    with pytest.raises(InputError, match="rests on a, absent here"):
        replace(PLAIN, weights={"a": 1.0, "b": 0.0}).bound_to({"b": "2"})


# --- the file


def test_a_file_comes_back_as_it_was(tmp_path: Path) -> None:
    for number, fusion in enumerate((FULL, PLAIN, FittedFusion("rrf", {"a": 1.0}, {"a": "x"}, k=7.0))):
        path = tmp_path / f"{number}.toml"
        save_fusion(fusion, path)
        assert load_fusion(path) == fusion
    assert file_id("rrf") == "rrf"
    assert file_id(str(tmp_path / "0.toml")) != file_id(str(tmp_path / "1.toml"))
    with pytest.raises(InputError, match="cannot be read"):
        file_id(str(tmp_path / "none.toml"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("schema = 1", "schema = 2", "has fusion schema 2, this version reads 1"),
        ("schema = 1", "", "has fusion schema None"),
        ("a = 2.0", "a = -2.0", "weights.a: Input should be greater than or equal to 0"),
        ("a = 2.0", "a = nan", "weights.a: "),
        ("a = 2.0", 'a = "much"', "weights.a: Input should be a valid number"),
        ('method = "weighted"', 'method = "borda"', "method: Input should be 'rrf' or 'weighted'"),
        ("threshold = 0.6", "threshold = inf", "decision.threshold: "),
        ("[gate]", "[gate]\ncode = 1", "gate.code: "),
        ("a = 2.0", "c = 2.0", "weights of"),
        ("[weights]", "[weights", "is no TOML file"),
        ("knots = [\n    0.1,", "knots = [\n    0.95,", "ascending"),
    ],
)
def test_a_file_changed_by_hand(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "fusion.toml"
    save_fusion(FULL, path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=message) as caught:
        load_fusion(path)
    assert str(path) in str(caught.value) and "sticker fuse" in str(caught.value)


def test_a_file_cut_short_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "fusion.toml"
    save_fusion(FULL, path)
    whole = path.read_bytes()
    for end in range(0, len(whole) - 1, 37):
        path.write_bytes(whole[:end])
        with suppress(InputError):  # a cut between two tables may leave a fusion that works
            load_fusion(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="is no TOML file"):
        load_fusion(path)
    with pytest.raises(InputError, match="cannot be read"):
        load_fusion(tmp_path / "none.toml")


# --- the chain


@pytest.fixture
def library(root: Path, make_pack: Callable[..., TinyPack]) -> Path:
    """Thirty stickers; `embedding` and `lexical`."""
    index_pack(root, make_pack(30).folder, encoders=["tiny-text"])
    return root


def fitted(library: Path, **changes: object) -> FittedFusion:
    opened = StickerRetriever.open(library)
    names = identities(opened.recallers)
    gate = Gate(ZERO, ONE, dict.fromkeys(names, 0.0), {"embedding": (0.0, 1.0, 0, 0), "lexical": ZERO})
    decision = Decider((0.0,) * N, (1.0,) * N, (0.3,) * N, 0.0, 0.5)
    made = FittedFusion(
        "weighted", {"embedding": 3.0, "lexical": 0.25}, names, "none", gate=gate, decision=decision
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_pick_can_be_worked_out_from_what_it_says(library: Path, tmp_path: Path) -> None:
    fusion = fitted(library)
    save_fusion(fusion, tmp_path / "fusion.toml")
    retriever = StickerRetriever.open(library, fusion=str(tmp_path / "fusion.toml"))
    talk = Conversation.from_texts("so sad", "thank you frog")
    answer = retriever.answer(talk, k=30)
    weights = fusion.weights_for(traits(talk))
    for pick in answer.picks:
        assert pick.score == pytest.approx(sum(weights[name] * score for name, score in pick.scores.items()))
        assert pick.score == pytest.approx(sum(pick.parts.values()))
    assert answer.decision is not None
    fused = np.array([pick.score for pick in answer.picks])  # all thirty were recalled
    assert answer.decision.p == pytest.approx(
        fusion.decision.probability(np.concatenate([evidence(fused), traits(talk)]))[0]  # type: ignore[union-attr]
    )
    assert answer.decision.send == (answer.decision.p >= 0.5)
    assert retriever.pick(talk, k=30) == answer.picks
    assert retriever.score_library(talk)["fused"].max() == pytest.approx(answer.picks[0].score)


def test_without_a_fitted_fusion_nothing_decides(library: Path) -> None:
    answer = StickerRetriever.open(library).answer("thank you", k=2)
    assert answer.decision is None
    for pick in answer.picks:
        assert pick.score == pytest.approx(sum(pick.parts.values()))


def test_the_scorers_of_the_file_are_taken(library: Path) -> None:
    fusion = fitted(library)
    only = replace(
        fusion,
        weights={"lexical": 1.0},
        scorers={"lexical": fusion.scorers["lexical"]},
        gate=None,
        decision=None,
    )
    retriever = StickerRetriever.open(library, fusion=only)
    assert [scorer.name for scorer in retriever.recallers] == ["lexical"] and retriever.absent == ()
    half = StickerRetriever.open(library, fusion=fusion, use=["embedding"])
    assert half.absent == ("lexical",)
    assert half.answer("thank you", k=1).decision is None


def test_other_scorers_weights_and_histories_are_refused(library: Path) -> None:
    with pytest.raises(InputError, match=r"fitted with another 'embedding'.*last 3.*last 5"):
        StickerRetriever.open(library, fusion=fitted(library), history=5)
    with pytest.raises(InputError, match="has its own weights"):
        StickerRetriever.open(library, fusion=fitted(library), weights={"lexical": 2.0})
    changed = replace(fitted(library), scorers={"embedding": "other, last 3", "lexical": "x"})
    with pytest.raises(InputError, match="run `sticker fuse` again"):
        StickerRetriever.open(library, fusion=changed)


def test_a_fusion_says_nothing_that_json_cannot() -> None:
    assert json.loads(json.dumps(asdict(FULL)))["decision"]["rule"] == "send rate 0.3"
