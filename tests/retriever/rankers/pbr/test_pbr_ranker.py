"""The ranker: saved and loaded, cached and fresh, alone and among others: the same scores."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_pbr_model import TEXT, draw_stickers, tiny_ranker

from retriever.errors import BadImage, InputError, ModelError
from retriever.rankers import load_ranker
from retriever.rankers.base import take
from retriever.rankers.pbr.ranker import PBRRanker, save_pbr
from retriever.types import Conversation, Sticker

TALK = Conversation.from_texts("hello there", "this is a happy cat", "so sad")
OTHER = Conversation.from_texts("我 很 开心")
KINDS = ("match", "margin", "alignment", "sum")


@pytest.fixture(scope="module")
def stickers(tmp_path_factory: pytest.TempPathFactory) -> list[Sticker]:
    return draw_stickers(tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="module")
def ranker() -> PBRRanker:
    return tiny_ranker()


@pytest.fixture
def saved(tmp_path: Path, ranker: PBRRanker) -> Path:
    save_pbr(tmp_path, ranker.model, ranker.tokens, {"metrics": {"R@1": 50.0}})
    return tmp_path


def test_scores_tell_stickers_and_conversations_apart(ranker: PBRRanker, stickers: list[Sticker]) -> None:
    features = ranker.encode_stickers(stickers)
    for kind in KINDS:
        scores = ranker.score(TALK, features, kind)
        assert scores.shape == (5,) and scores.dtype == np.float64 and np.isfinite(scores).all()
        assert len({round(score, 6) for score in scores}) == 5
        assert not np.allclose(scores, ranker.score(OTHER, features, kind))


def test_what_pairs_of_one_text_share_is_worked_out_once(ranker: PBRRanker, stickers: list[Sticker]) -> None:
    regions = torch.from_numpy(ranker.encode_stickers(stickers)["regions"])
    texts = ranker.texts([TALK, OTHER])
    assert texts.mask is not None and not texts.mask.all()  # one of them is padded
    fusion, of = ranker.model.fusion, torch.tensor([1, 0, 1, 1, 0])
    asked: list[int] = []
    fusion.layers[0].attention.register_forward_pre_hook(lambda module, given: asked.append(len(given[0])))  # type: ignore[union-attr]
    with torch.inference_mode():
        alone = fusion(texts.states[of], texts.mask[of], regions)
        together = fusion(texts.states, texts.mask, regions, of=of)
    assert torch.allclose(alone, together, atol=1e-6)
    assert asked == [5, 2]


def test_the_kinds_of_score_by_their_definitions(ranker: PBRRanker, stickers: list[Sticker]) -> None:
    features = ranker.encode_stickers(stickers)
    texts = ranker.texts([TALK])
    assert texts.mask is not None
    with torch.inference_mode():
        logits = [
            ranker.model.fusion(texts.states, texts.mask, torch.from_numpy(features["regions"][at : at + 1]))[
                0
            ]
            for at in range(5)
        ]
    cosine = features["vector"] @ texts.vector[0].numpy()
    margin = np.array([float(pair[1] - pair[0]) for pair in logits])
    expected = {
        "match": [float(pair[1]) for pair in logits],
        "margin": margin,
        "alignment": cosine,
        "sum": margin + cosine / 0.07,
    }
    for kind in KINDS:
        assert np.allclose(ranker.score(TALK, features, kind), expected[kind], atol=1e-4), kind
    assert np.allclose(np.linalg.norm(features["vector"], axis=1), 1, atol=1e-5)
    assert np.array_equal(ranker.score(TALK, features), ranker.score(TALK, features, "match"))


def test_alone_or_among_others_it_is_the_same_score(ranker: PBRRanker, stickers: list[Sticker]) -> None:
    features = ranker.encode_stickers(stickers)
    together = ranker.score(TALK, features)
    for at, sticker in enumerate(stickers):
        fresh = ranker.encode_stickers([sticker])
        assert np.allclose(ranker.score(TALK, fresh), together[at], atol=1e-5)
    order = np.array([3, 0, 3])
    assert np.allclose(ranker.score(TALK, take(features, order)), together[order], atol=1e-5)


def test_many_conversations_at_once_are_scored_as_one_by_one(
    ranker: PBRRanker, stickers: list[Sticker]
) -> None:
    features = ranker.encode_stickers(stickers)
    long = Conversation.from_texts(*["this is a happy cat, really"] * 6)  # padding for the others
    rows = np.array([[0, 1, 2], [4, 3, 3], [2, 0, 1]])
    talks = [TALK, long, OTHER]
    for kind in KINDS:
        table = ranker.score_lists(talks, features, rows, kind)
        for at, talk in enumerate(talks):
            assert np.allclose(table[at], ranker.score(talk, features, kind)[rows[at]], atol=1e-5)


def test_more_pairs_than_fit_into_one_chunk(
    ranker: PBRRanker, stickers: list[Sticker], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ranker.encode_stickers(stickers)
    expected = ranker.score(TALK, whole)
    monkeypatch.setattr("retriever.rankers.pbr.ranker._PAIRS", 2)
    monkeypatch.setattr("retriever.rankers.parts.torch_ranker._IMAGES", 2)
    features = ranker.encode_stickers(stickers)
    assert np.allclose(features["regions"], whole["regions"], atol=1e-5)
    assert np.allclose(ranker.score(TALK, features), expected, atol=1e-5)


def test_no_sticker_at_all(ranker: PBRRanker) -> None:
    features = ranker.encode_stickers([])
    assert features["regions"].shape == (0, 17, 24) and features["vector"].shape == (0, 8)
    assert ranker.score(TALK, features).shape == (0,)


@pytest.mark.parametrize("kind", ["bert", "gru", "lstm", "transformer"])
def test_saved_and_loaded_it_scores_the_same(tmp_path: Path, stickers: list[Sticker], kind: str) -> None:
    ranker = tiny_ranker(text={**TEXT, "kind": kind})
    save_pbr(tmp_path, ranker.model, ranker.tokens)
    loaded = load_ranker(tmp_path, device="cpu")
    expected = ranker.score(TALK, ranker.encode_stickers(stickers))
    assert np.allclose(loaded.score(TALK, loaded.encode_stickers(stickers)), expected, atol=1e-5)


def test_the_id_changes_with_the_weights(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    changed = tiny_ranker(seed=1)
    save_pbr(other, changed.model, changed.tokens)
    ids = [load_ranker(folder, device="cpu").model_id for folder in (saved, saved, other)]
    assert ids[0] == ids[1] != ids[2] and ids[0].startswith("pbr-")


def damage(folder: Path, change: Any) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda w: w.pop("fusion.head.bias"), r"1 missing \(fusion\.head\.bias\)"),
        (lambda w: w.update(extra=torch.zeros(1)), r"1 unexpected \(extra\)"),
        (
            lambda w: w.update({"fusion.head.bias": torch.zeros(3)}),
            r"1 of another shape \(fusion\.head\.bias\)",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(saved: Path, change: Any, said: str) -> None:
    damage(saved, change)
    with pytest.raises(ModelError, match=said):
        load_ranker(saved, device="cpu")


def test_damaged_files_are_told_apart(saved: Path) -> None:
    whole = {file: file.read_bytes() for file in saved.rglob("*") if file.is_file()}

    def broken(name: str, content: bytes) -> None:
        for file, data in whole.items():
            file.write_bytes(data)
        (saved / name).write_bytes(content)
        with pytest.raises(ModelError, match=name.partition("/")[0].partition(".")[0]):
            load_ranker(saved, device="cpu")

    broken("model.safetensors", whole[saved / "model.safetensors"][:1000])
    broken("tokenizer/tokenizer.json", b"{}")
    config = json.loads(whole[saved / "config.json"])
    config["model"]["fusion"]["unheard_of"] = 1
    broken("config.json", json.dumps(config).encode())
    del config["model"]
    broken("config.json", json.dumps(config).encode())


def test_weights_that_give_no_number_are_refused(saved: Path, stickers: list[Sticker]) -> None:
    damage(saved, lambda weights: weights["fusion.head.weight"].fill_(torch.nan))
    loaded = load_ranker(saved, device="cpu")
    with pytest.raises(ModelError, match="not finite"):
        loaded.score(TALK, loaded.encode_stickers(stickers))


def test_a_picture_that_cannot_be_read_is_named(ranker: PBRRanker, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    for path in (bad, tmp_path / "gone.png"):
        sticker = Sticker(id="pack/bad", pack="pack", sha256="0" * 64, path=str(path))
        with pytest.raises(BadImage, match="pack/bad"):
            ranker.encode_stickers([sticker])


def test_a_device_that_is_not_there(saved: Path) -> None:
    with pytest.raises(InputError, match="expected auto, cpu or cuda"):
        load_ranker(saved, device="tpu")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="finds no GPU"):
            load_ranker(saved, device="cuda")


def test_attention_is_a_share_of_utterances_and_of_regions(
    ranker: PBRRanker, stickers: list[Sticker]
) -> None:
    talk = Conversation.from_texts("hello there", "   ", "this is a happy cat", "so sad")
    found = ranker.attention(talk, ranker.encode_stickers(stickers))
    assert found.utterances.shape == (5, 4) and found.regions.shape == (5, 16)
    assert np.allclose(found.utterances.sum(1), 1) and np.allclose(found.regions.sum(1), 1)
    assert (found.utterances[:, 1] == 0).all()  # nothing to look at
    assert (found.utterances[:, [0, 2, 3]] > 0).all()


def test_attention_follows_the_weights(stickers: list[Sticker]) -> None:
    """Keys that are all alike are looked at alike: shares by the number of tokens, and even regions."""
    ranker = tiny_ranker()
    with torch.no_grad():
        for layer in ranker.model.fusion.layers:
            for part in (layer.attention, layer.cross):  # type: ignore[union-attr]
                part.key.weight.zero_()  # type: ignore[union-attr]
    found = ranker.attention(TALK, ranker.encode_stickers(stickers[:2]))
    turn = ranker.tokens.batch([TALK]).turn[0]
    counts = np.array([(turn == at).sum() for at in range(3)])
    assert np.allclose(found.utterances, counts / counts.sum(), atol=1e-6)
    assert np.allclose(found.regions, 1 / 16, atol=1e-6)


def test_what_is_looked_up_in_half_precision_is_near(ranker: PBRRanker, stickers: list[Sticker]) -> None:
    rough = PBRRanker(ranker.model, ranker.tokens, device="cpu", precision="bf16")
    exact = ranker.score(TALK, ranker.encode_stickers(stickers))
    found = rough.score(TALK, rough.encode_stickers(stickers))
    assert np.allclose(found, exact, atol=0.15) and not np.array_equal(found, exact)
