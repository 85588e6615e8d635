"""Rankers that need no weights: what any trained one has to be held against.

``random`` orders stickers by chance, another order for each conversation and always the same one;
``popularity`` by how often each was sent in training; ``most_frequent`` by how often its label was.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from retriever.checkpoints import CONFIG, SCHEMA, WEIGHTS, content_id
from retriever.errors import ModelError
from retriever.rankers.base import StickerFeatures
from retriever.scorers.base import Scores
from retriever.store.atomic import write_json
from retriever.types import Conversation, Sticker

__all__ = ["FAMILIES", "LabelField", "PlainFamily", "PlainRanker", "label_of", "load_plain", "save_plain"]

PlainFamily = Literal["random", "popularity", "most_frequent"]
FAMILIES: tuple[PlainFamily, ...] = get_args(PlainFamily)
LabelField = Literal["emotion", "emoji", "intention"]

_COUNTS, _NAMES = "counts", "names"
_VARIATION_SELECTORS = dict.fromkeys((0xFE0E, 0xFE0F))


class PlainRanker:
    """A `retriever.rankers.base.Ranker`, cheap enough for whole libraries.

    Args:
        counts: of ``popularity`` by a sticker's SHA-256, of ``most_frequent`` by label; empty for ``random``.
        field: which label counts.
        seed: of the orders of ``random``.
    """

    dense = True

    def __init__(
        self,
        family: PlainFamily,
        counts: Mapping[str, int] | None = None,
        field: LabelField = "emotion",
        seed: int = 0,
        model_id: str | None = None,
    ) -> None:
        self.family: str = family
        self.counts = dict(counts or {})
        self.field, self.seed = field, seed
        self.model_id = model_id or family

    def encode_stickers(self, stickers: Sequence[Sticker]) -> StickerFeatures:
        """``count`` (n,) float64; of ``random`` ``key`` (n,) int64, a hash of the picture."""
        if self.family == "random":
            keys = [_hash(sticker.sha256 or sticker.id) for sticker in stickers]
            return {"key": np.array(keys, np.uint64).view(np.int64)}
        if self.family == "popularity":
            found = [self.counts.get(sticker.sha256, 0) for sticker in stickers]
        else:
            found = [self.counts.get(label_of(sticker, self.field) or "", 0) for sticker in stickers]
        return {"count": np.array(found, np.float64)}

    def score(self, conversation: Conversation, features: StickerFeatures) -> Scores:
        """(n,): the count, with ties as they are; of ``random`` a number in [0, 1)."""
        if self.family != "random":
            return np.asarray(features["count"], np.float64)
        said = "\n".join(f"{one.speaker}\t{one.text}" for one in conversation.utterances)
        mixed = np.asarray(features["key"]).view(np.uint64) ^ np.uint64(_hash(f"{self.seed}\n{said}"))
        scores: Scores = _spread(mixed) / 2.0**64
        return scores


def label_of(sticker: Any, field: LabelField) -> str | None:
    """The label to count, written the same way however its pack writes it; None where there is none."""
    value: str = getattr(sticker, field) or ""
    return value.translate(_VARIATION_SELECTORS).strip().lower() or None


def load_plain(folder: Path, config: Mapping[str, Any], device: str = "auto") -> PlainRanker:
    """Open a checkpoint of one of `FAMILIES`; `device` is for others.

    Raises:
        ModelError: its configuration or its counts are damaged.
    """
    try:
        with safe_open(folder / WEIGHTS, framework="numpy") as file:
            names = json.loads(file.metadata()[_NAMES])
            counts = dict(zip(names, file.get_tensor(_COUNTS).tolist(), strict=True))
        field, seed = config["field"], int(config["seed"])
        if field not in get_args(LabelField):
            raise ValueError(f"field is {field!r}")
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise ModelError(
            f"{folder} is no readable {config['family']} checkpoint ({error}, see {CONFIG} and {WEIGHTS}); "
            "copy it again"
        ) from error
    family = config["family"]
    return PlainRanker(family, counts, field, seed, f"{family}-{content_id(folder)}")


def save_plain(folder: Path, ranker: PlainRanker, notes: Mapping[str, Any] | None = None) -> None:
    """Write a checkpoint into an existing folder; `load_ranker` opens it.

    Args:
        notes: further entries of ``config.json``.
    """
    names = sorted(ranker.counts)
    counts = np.array([ranker.counts[name] for name in names], np.int64)
    save_file({_COUNTS: counts}, folder / WEIGHTS, metadata={_NAMES: json.dumps(names, ensure_ascii=False)})
    config = {"family": ranker.family, "schema": SCHEMA, "field": ranker.field, "seed": ranker.seed}
    write_json(folder / CONFIG, {**config, **(notes or {})})


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "little")


def _spread(values: Any) -> Any:
    """SplitMix64's finaliser (Steele et al. 2014): every bit of the result depends on every bit given."""
    with np.errstate(over="ignore"):
        values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
