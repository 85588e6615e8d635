"""Features kept in half precision: half the room, the same scores to 1e-3."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from tiny_pbr_model import draw_stickers, tiny_ranker

from retriever.rankers.base import Halving, StickerFeatures
from retriever.rankers.cache import FeatureCache
from retriever.rankers.pbr.ranker import PBRRanker
from retriever.scorers.base import Scores
from retriever.types import Conversation, Sticker

TALK = Conversation.from_texts("hello there", "this is a happy cat")


@pytest.fixture(scope="module")
def stickers(tmp_path_factory: pytest.TempPathFactory) -> list[Sticker]:
    return draw_stickers(tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="module")
def ranker() -> PBRRanker:
    return tiny_ranker()


def shard(folder: Path) -> dict[str, np.ndarray]:
    (file,) = folder.rglob("*.safetensors")
    return load_file(file)


def test_halved_features_score_the_same_to_a_thousandth(
    ranker: PBRRanker, stickers: list[Sticker], tmp_path: Path
) -> None:
    exact = ranker.encode_stickers(stickers)
    kept = FeatureCache(ranker, tmp_path)(stickers)
    assert (kept["regions"].dtype, kept["vector"].dtype) == (np.float16, np.float32)
    assert shard(tmp_path)["regions"].dtype == np.float16
    assert not np.array_equal(kept["regions"], exact["regions"])  # rounded, then
    assert np.array_equal(kept["vector"], exact["vector"])
    for kind in ("match", "margin", "alignment", "sum"):
        scores = ranker.score(TALK, exact, kind)
        assert np.ptp(scores) > 0.01  # there are differences to lose
        assert np.abs(ranker.score(TALK, kept, kind) - scores).max() < 1e-3, kind
    again = FeatureCache(ranker, tmp_path)(stickers)  # another process, as far as the cache knows
    assert np.array_equal(again["regions"], kept["regions"])
    looked = ranker.attention(TALK, kept).regions - ranker.attention(TALK, exact).regions
    assert np.abs(looked).max() < 1e-3


def test_shards_from_before_are_read_and_rounded(
    ranker: PBRRanker, stickers: list[Sticker], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(PBRRanker, "halved", frozenset())
        exact = FeatureCache(ranker, tmp_path)(stickers)
    assert shard(tmp_path)["regions"].dtype == np.float32
    monkeypatch.delattr(PBRRanker, "encode_stickers")  # nothing is computed anew
    kept = FeatureCache(ranker, tmp_path)(stickers)
    assert np.array_equal(kept["regions"], exact["regions"].astype(np.float16))


class Loud:
    """Its first feature may be halved; a sticker called "loud" has one that is too large for it."""

    family = "loud"
    model_id = "loud@1"
    halved = frozenset({"a"})

    def encode_stickers(self, stickers: Sequence[Sticker]) -> StickerFeatures:
        values = np.array([[1e5 if sticker.id == "loud" else 0.1] for sticker in stickers], np.float32)
        return {"a": values, "b": values}

    def score(self, conversation: Conversation, features: StickerFeatures) -> Scores:
        return np.asarray(features["a"][:, 0], np.float64)


def test_what_is_too_large_for_half_precision_stays_as_it_is(tmp_path: Path) -> None:
    loud, soft = (Sticker(name, "p", f"{name}-sha", f"/{name}.png") for name in ("loud", "soft"))
    assert isinstance(Loud(), Halving)
    cache = FeatureCache(Loud(), tmp_path)
    assert cache([soft])["a"].dtype == np.float16 and cache([soft])["b"].dtype == np.float32
    both = cache([loud, soft])["a"]
    assert both.dtype == np.float32 and both.tolist() == [[1e5], [np.float32(np.float16(0.1))]]
    assert np.array_equal(FeatureCache(Loud(), tmp_path)([loud, soft])["a"], both)
