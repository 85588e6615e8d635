"""What benchmarks of rankers share: train one with `sticker train`, measure it, and never do either twice.

What was measured is kept in a ledger, a line a run, with the digest of its configuration.
`benchmarks/measured/` holds those of the project, so that a table can be filled over several sittings.
"""

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import numpy as np
from safetensors import safe_open

from eval.datasets import open_dataset
from eval.labels import label_of, normal_label
from eval.metrics import average_precision, macro_mean, precision_at_k
from retriever.checkpoints import STARTER, content_id
from retriever.packs import open_pack
from retriever.packs.entry import Quarantined
from retriever.rankers import load_ranker
from retriever.types import Sticker
from trainers.config import merged
from trainers.datasets.ranking import spread_rows

MEASURED = Path(__file__).parent / "measured"
"""The project's own ledgers."""

_WRITING = threading.Lock()

LISTS = ("R@1", "R@2", "R@5", "MAP")
"""Over each conversation's ten candidates; percent, as training measured them on the validation split."""

PACK = ("P@1", "P@3", "P@5", "mAP", "macro P@1")
"""Over the stickers of one pack, those with the conversation's label being right; percent."""


@dataclass(frozen=True)
class Setting:
    """Where runs find their data and keep what they found.

    Attributes:
        data: folder of the datasets' folders.
        pack: the stickers' pack.
        out: where runs are kept.
        queries: conversations that are ranked over a whole pack.
        ledger: the file that remembers.
    """

    data: Path
    pack: Path
    out: Path
    queries: int
    ledger: Path


def trained(
    setting: Setting,
    dataset: str,
    name: str,
    seed: int,
    tables: dict[str, Any],
    places: dict[str, Any] | None = None,
) -> dict[str, float]:
    """Train and measure one run on one core, unless that has been done.

    Args:
        tables: the configuration, without the seed.
        places: more of it, files of this machine, which the digest leaves out.

    Returns:
        `LISTS` and `PACK` in percent, ``minutes`` of training, ``parameters`` in millions, ``pick_ms``: the
        median time of scoring one pack for one conversation, stickers encoded before.
    """
    told = json.dumps([tables, setting.queries, _tower(tables)], sort_keys=True)
    run = {
        "dataset": dataset,
        "name": name,
        "seed": seed,
        "config": hashlib.sha256(told.encode()).hexdigest()[:12],
    }
    if (known := _known(setting.ledger, run)) is not None:
        return known
    out = setting.out / dataset / f"{name}-{seed}-{run['config']}"
    out.mkdir(parents=True, exist_ok=True)
    config = out / "config.toml"
    whole = merged(merged(tables, places or {}), {"train": {"seed": seed}})
    config.write_text(_toml(whole), encoding="utf-8")
    command = [str(Path(sys.executable).with_name("sticker")), "train", str(config)]
    command += ["--out", str(out / "run"), "--data", str(setting.data / dataset), "--pack", str(setting.pack)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    best = out / "run" / "best"
    training = json.loads((best / "training.json").read_text(encoding="utf-8"))
    values = {name: training["metrics"][name] for name in LISTS}
    values |= over_a_pack(setting, dataset, best)
    values |= {"minutes": training["minutes"], "parameters": _parameters(best)}
    values = {measure: round(value, 3) for measure, value in values.items()}
    with _WRITING, setting.ledger.open("a", encoding="utf-8") as ledger:
        ledger.write(json.dumps({**run, **values}) + "\n")
    return values


def _tower(tables: dict[str, Any]) -> str | None:
    """What is in the shipped text tower, where a run starts from it: with another one it is another run."""
    text = tables.get("model", {}).get("text", {})
    return content_id(STARTER) if text.get("pretrained") == "starter" else None


def _known(ledger: Path, run: dict[str, Any]) -> dict[str, float] | None:
    """What the ledger says of `run`, if it has been done."""
    if not ledger.exists():
        return None
    for line in ledger.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if all(row[name] == value for name, value in run.items()):
            return {name: value for name, value in row.items() if name not in run}
    return None


def over_a_pack(setting: Setting, dataset: str, checkpoint: Path) -> dict[str, float]:
    """`PACK` and ``pick_ms`` of a checkpoint over the first pack, for some validation conversations."""
    every = list(open_dataset(setting.data / dataset, "valid").samples())
    samples = [every[row] for row in spread_rows(len(every), setting.queries)]
    kind = "emoji" if label_of(samples[0], "emoji") else "emotion"
    stickers = _first_pack(setting.pack)
    said = np.array([normal_label(each.emoji) if kind == "emoji" else each.emotion for each in stickers])
    ranker = load_ranker(checkpoint, "cpu")
    features = ranker.encode_stickers(stickers)
    found: dict[str, list[float]] = {name: [] for name in PACK[:4]}
    labels, seconds = [], []
    for sample in samples:
        began = time.perf_counter()
        scores = ranker.score(sample.conversation, features)
        seconds.append(time.perf_counter() - began)
        wanted = label_of(sample, kind)
        right = said == wanted
        for k in (1, 3, 5):
            found[f"P@{k}"].append(float(precision_at_k([scores], [right], k)[0]))
        found["mAP"].append(float(average_precision([scores], [right])[0]) if right.any() else 0.0)
        labels.append(str(wanted))
    values = {name: 100 * mean(each) for name, each in found.items()}
    values["macro P@1"] = 100 * macro_mean(np.array(found["P@1"]), labels)
    return values | {"pick_ms": 1000 * median(seconds)}


def cell(values: list[float], digits: int = 1) -> str:
    """Mean and standard deviation over the seeds."""
    spread = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{mean(values):.{digits}f}{spread}"


def _parameters(checkpoint: Path) -> float:
    """Millions of numbers in a checkpoint; 0 of a ranker that has none."""
    weights = checkpoint / "model.safetensors"
    if not weights.exists():
        return 0.0
    with safe_open(weights, "numpy") as file:
        return sum(int(np.prod(file.get_slice(name).get_shape())) for name in file.keys()) / 1e6  # noqa: SIM118


def _first_pack(folder: Path) -> list[Sticker]:
    found: dict[str, list[Sticker]] = {}
    with open_pack(str(folder)) as pack:
        for entry in pack:
            if not isinstance(entry, Quarantined) and entry.path is not None:
                digest = hashlib.sha256(entry.read()).hexdigest()
                sticker = entry.annotations.sticker(entry.id, entry.pack, digest, str(entry.path))
                found.setdefault(entry.pack, []).append(sticker)
    return next(iter(found.values()))


def _toml(tables: dict[str, Any], path: tuple[str, ...] = ()) -> str:
    """Nested tables of plain values as TOML."""
    plain = {name: value for name, value in tables.items() if not isinstance(value, dict)}
    lines = [f"[{'.'.join(path)}]"] if path and plain else []
    lines += [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in plain.items()]
    parts = ["\n".join(lines)] if lines else []
    parts += [_toml(value, (*path, name)) for name, value in tables.items() if isinstance(value, dict)]
    return "\n\n".join(part for part in parts if part) + ("\n" if not path else "")
