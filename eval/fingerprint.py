"""What decides the result of an evaluation, so that a half-done one is only continued by its like."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from eval.datasets import Dataset
from eval.labels import LABEL_FIELDS, LabelField, label_of
from eval.metrics.ranked import Ties
from eval.protocols import EvalProtocol, LibrarySticker
from retriever.errors import InputError

__all__ = ["library_ids", "resolved_config"]


def library_ids(stickers: Sequence[LibrarySticker]) -> list[str]:
    """Ids in row order.

    Raises:
        InputError: there are none, or some are not unique.
    """
    ids = [sticker.id for sticker in stickers]
    if not ids:
        raise InputError("the library has no sticker; index a pack first")
    if len(set(ids)) < len(ids):
        raise InputError(f"the library has {len(ids) - len(set(ids))} stickers whose id is not theirs alone")
    return ids


def resolved_config(
    source: Dataset,
    stickers: Sequence[LibrarySticker],
    field: LabelField | None,
    protocols: Sequence[EvalProtocol],
    ties: Ties,
    config: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Everything that decides a record, apart from the systems, as JSON values; `config` is the caller's."""
    library = sha256()
    for sticker in stickers:
        library.update(repr((sticker.id, *(label_of(sticker, name) for name in LABEL_FIELDS))).encode())
    return {
        "dataset": source.name,
        "split": source.split,
        "dataset_sha256": _digest(source.path),
        "format": source.format,
        "policy": source.policy,
        "policy_seed": source.seed if source.policy else None,
        "negatives": source.negatives if source.policy else None,
        "train_sha256": _digest(source.train_path) if source.train_path else None,
        "label": field,
        "library_size": len(stickers),
        "library_sha256": library.hexdigest(),
        "protocols": {
            protocol.name: [measure.name for measure in protocol.measures] for protocol in protocols
        },
        "ties": ties,
        "options": dict(config or {}),
    }


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        digest = sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
