"""The sticker side of a ranker, computed once a sticker: features on the disk, by model and by content."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from retriever.progress import bar
from retriever.rankers.base import Halving, Ranker, StickerFeatures
from retriever.store.atomic import write_bytes
from retriever.types import Sticker

__all__ = ["FeatureCache", "feature_key"]

BATCH = 64
_KEYS = "keys"


class FeatureCache:
    """Features of stickers, from memory, else from shards in `folder`, else from the ranker.

    Shards are named at random, written beside and renamed in, and never changed, so that several processes
    may fill one folder; a shard that cannot be read counts as missing and is computed again. What the ranker
    names (`Halving`) is kept as float16, which is half of the folder and of the memory.

    Args:
        ranker: whose sticker side.
        folder: where shards lie, one sub-folder a model; None keeps features in memory only.
    """

    def __init__(self, ranker: Ranker, folder: Path | None) -> None:
        self._ranker = ranker
        self._halved = ranker.halved if isinstance(ranker, Halving) else frozenset[str]()
        self._folder = None if folder is None else folder / ranker.model_id.replace("@", "-")
        self._known: dict[str, StickerFeatures] = {}
        self._read = False

    def __call__(self, stickers: Sequence[Sticker], show_progress: bool | None = False) -> StickerFeatures:
        """Features of `stickers`, in their order; of the halved ones float16, float32 where that overflows.

        Raises:
            BadImage: an image cannot be read.
        """
        keys = [feature_key(sticker) for sticker in stickers]
        if not self._read and any(key not in self._known for key in keys):
            self._load()
        missing = {key: s for key, s in zip(keys, stickers, strict=True) if key not in self._known}
        with bar("Encoding stickers", len(missing), show_progress) as advance:
            listed = list(missing.items())
            for start in range(0, len(listed), BATCH):
                part = listed[start : start + BATCH]
                found = self._ranker.encode_stickers([s for _, s in part])
                self._add([key for key, _ in part], self._rounded(found))
                advance(len(part))
        names = self._known[keys[0]] if keys else {}
        return {name: np.stack([self._known[key][name] for key in keys]) for name in names}

    def _rounded(self, features: StickerFeatures) -> StickerFeatures:
        return {name: _half(values) if name in self._halved else values for name, values in features.items()}

    def _add(self, keys: Sequence[str], features: StickerFeatures) -> None:
        self._keep(keys, features)
        if self._folder is not None:
            arrays: dict[str, NDArray[np.generic]] = {
                name: np.ascontiguousarray(values) for name, values in features.items()
            }
            data = save(arrays, metadata={_KEYS: json.dumps(list(keys))})
            write_bytes(self._folder / f"{uuid.uuid4().hex}.safetensors", data)

    def _keep(self, keys: Sequence[str], features: StickerFeatures) -> None:
        for row, key in enumerate(keys):
            self._known[key] = {name: values[row] for name, values in features.items()}

    def _load(self) -> None:
        self._read = True
        for shard in sorted(self._folder.glob("*.safetensors")) if self._folder else ():
            try:
                with safe_open(shard, framework="numpy") as file:
                    keys = json.loads(file.metadata()[_KEYS])
                    found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                self._keep(keys, self._rounded(found))
            except (OSError, SafetensorError, KeyError, ValueError, TypeError):
                shard.unlink(missing_ok=True)


def _half(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """`values` as float16; as they are if one of them is too large for that."""
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    return half if np.isfinite(half).all() else values


def feature_key(sticker: Sticker) -> str:
    """32 hex digits over everything a ranker may read of a sticker; not its id, place or licence."""
    known = asdict(sticker)
    for field in ("id", "path", "license", "pack"):
        known.pop(field)
    known["name"], known["keywords"] = dict(sticker.name), {k: list(v) for k, v in sticker.keywords.items()}
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:32]
