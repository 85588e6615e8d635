"""Dual rankers of one start averaged into one: a soup of models (Wortsman et al. 2022, arXiv:2203.05482).

Runs that began with the same tower and vocabulary end where weights in between are as good as either end, and
where new conversations are not like those that were trained on, often better. One tower stays one tower.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from shutil import copyfile
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from retriever.checkpoints import CARD, CONFIG, GRAPH, TRAINING, WEIGHTS, content_id
from retriever.encoders.dual.text import build_graph
from retriever.errors import InputError, ModelError
from retriever.store.atomic import new_folder, write_bytes, write_json
from trainers.dual.alike import TOKENIZER, make_of, refuse_another_make, weights_of
from trainers.dual.model import PARTS, WIDE
from trainers.parts.int8 import SCALE, quantise, quantised

__all__ = ["average"]


def average(folders: Sequence[Path], shares: Sequence[float], out: Path) -> None:
    """Write the weighted mean of checkpoints to `out`.

    N-grams that one of them lacks are left out, and their gates shut. Nothing is measured: the card says so.

    Args:
        folders: dual checkpoints that started from the same tower with the same tokenizer.
        shares: what each counts; above 0, of any sum.
        out: a new or empty folder.

    Raises:
        InputError: fewer than two checkpoints, shares that do not fit, or `out` has something in it.
        ModelError: a checkpoint cannot be read, or is of another family, shape, tokenizer or labels.
    """
    if len(folders) < 2:
        raise InputError(f"got {len(folders)} checkpoint, an average takes two or more")
    if len(shares) != len(folders) or not all(0 < share < math.inf for share in shares):
        raise InputError(f"got shares {list(shares)}, expected {len(folders)} numbers above 0")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} has something in it; give a new or empty folder")
    parts = [share / math.fsum(shares) for share in shares]
    described = _alike(folders)
    weights = [weights_of(folder) for folder in folders]
    rounded = quantised(folders[0] / WEIGHTS)
    names = set.intersection(*(set(each) for each in weights))
    lacking = sorted({name for each in weights for name in each} - names)
    if strange := [name for name in lacking if not name.startswith(WIDE)]:
        raise ModelError(f"only some of the checkpoints have {strange[0]}: they are of different makes")
    found: dict[str, NDArray[Any]] = {}
    for name in sorted(names):
        each = [weight[name] for weight in weights]
        if len({value.shape for value in each}) > 1:
            raise ModelError(
                f"{name} is {' and '.join(str(value.shape) for value in each)}: not of one start"
            )
        parted = (part * value.astype(np.float64) for part, value in zip(parts, each, strict=True))
        mean = np.ascontiguousarray(sum(parted), np.float32)
        if name == "gates":
            mean[:, [PARTS.index(part) for part in WIDE if f"{part}.weight" in lacking]] = 0
        if name in rounded:
            found[name], found[f"{name}{SCALE}"] = quantise(mean)
        else:
            found[name] = mean
    with new_folder(out) as folder:
        save_file(found, folder / WEIGHTS)
        write_json(folder / CONFIG, described)
        (folder / GRAPH).write_bytes(build_graph(folder / WEIGHTS, described))
        copyfile(folders[0] / TOKENIZER, folder / TOKENIZER)
        _tell(folders, parts, folder)


def _alike(folders: Sequence[Path]) -> dict[str, Any]:
    """The configuration that all have, without what was measured of each."""
    first = make_of(folders[0])
    for folder in folders[1:]:
        refuse_another_make(folder, first, folders[0] / TOKENIZER)
    return first


def _tell(folders: Sequence[Path], parts: Sequence[float], out: Path) -> None:
    """``training.json`` with everybody's own, and a card."""
    members: list[dict[str, Any]] = []
    for folder, part in zip(folders, parts, strict=True):
        record = folder / TRAINING
        own = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else None
        members.append({"checkpoint": content_id(folder), "share": round(part, 4), "training": own})
    write_json(out / TRAINING, {"family": "dual", "average_of": members})
    rows = "\n".join(
        f"| `{member['checkpoint']}` | {member['share']:.2f} | {(member['training'] or {}).get('name', '')} |"
        for member in members
    )
    text = f"""# An average of {len(members)} dual checkpoints

| checkpoint | share | trained as |
| --- | --- | --- |
{rows}

How each was trained is in `{TRAINING}`. Nothing was measured of the average: `sticker eval --ranker` does it.
"""
    write_bytes(out / CARD, text.encode())
