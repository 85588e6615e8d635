"""PBR's modules one by one, on real conversations: the rows of the paper's table 3 at a size for a CPU.

Every run is `sticker train` with `--config` and the losses of its row, selected and measured on the
validation split. A run that has ended is not repeated, so the command may be killed and given again. The rows
that distil need a teacher: `sticker train teacher-small --pack PACK --out DIR`.

R@k and MAP are over each conversation's ten candidates; P@1 is whether the best of one whole pack carries the
right label, plain and averaged over labels. All in percent: mean over the seeds and their standard deviation.
"""

import argparse
import json
import os
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np

from eval.datasets import open_dataset
from eval.labels import label_of, normal_label
from eval.metrics import macro_mean
from retriever.packs import open_pack
from retriever.packs.entry import Quarantined
from retriever.rankers import load_ranker
from retriever.types import Sticker
from trainers.config import find_config, merged, read_tables

ROWS = {
    "Base": "pbr/table3-1-base",
    "+EKD": "pbr/table3-2-ekd",
    "+Intra": "pbr/table3-3-intra",
    "+Inter": "pbr/table3-4-inter",
    "+PHSM": "pbr/table3-6-phsm",
    "all": "pbr/table3-8-all",
}
MEASURES = ("R@1", "R@2", "R@5", "MAP", "P@1", "macro P@1")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, type=Path, help="folder of the datasets' folders")
    parser.add_argument("--datasets", nargs="+", default=["chat-en", "chat-zh", "tweet-emoji"])
    parser.add_argument("--pack", required=True, type=Path, help="the stickers' pack")
    parser.add_argument("--teacher", required=True, type=Path, help="best/ folder of a trained teacher")
    parser.add_argument("--clusters", type=int, default=10, help="M, the teacher's anchors an emotion")
    parser.add_argument("--out", required=True, type=Path, help="where runs are kept")
    parser.add_argument("--config", default=str(Path(__file__).with_name("ablation.toml")))
    parser.add_argument("--rows", nargs="+", choices=tuple(ROWS), default=tuple(ROWS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at once, a core each")
    parser.add_argument("--queries", type=int, default=200, help="conversations that P@1 is measured on")
    arguments = parser.parse_args()
    runs = [
        (dataset, row, seed)
        for seed in arguments.seeds
        for dataset in arguments.datasets
        for row in arguments.rows
    ]
    found: dict[tuple[str, str], list[dict[str, float]]] = defaultdict(list)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        futures = [pool.submit(one, arguments, *run) for run in runs]
        for (dataset, row, seed), future in zip(runs, futures, strict=True):
            values = future.result()
            found[dataset, row].append(values)
            print(json.dumps({"dataset": dataset, "row": row, "seed": seed, **values}), flush=True)
    print(table(found, arguments.datasets, arguments.rows))


def one(arguments: argparse.Namespace, dataset: str, row: str, seed: int) -> dict[str, float]:
    """Train and measure one run, unless that has been done."""
    out = arguments.out / dataset / f"{row.strip('+').lower()}-{seed}"
    kept = out / "ablation.json"
    if kept.exists():
        found: dict[str, float] = json.loads(kept.read_text(encoding="utf-8"))
        return found
    config = _config(arguments, row, seed, out)
    command = [
        str(Path(sys.executable).with_name("sticker")),
        "train",
        str(config),
        "--out",
        str(out / "run"),
    ]
    command += ["--data", str(arguments.data / dataset), "--pack", str(arguments.pack)]
    done = subprocess.run(
        command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    training = json.loads((out / "run" / "best" / "training.json").read_text(encoding="utf-8"))
    values = {name: training["metrics"][name] for name in MEASURES[:4]}
    values |= precision(arguments, dataset, out / "run" / "best") | {"minutes": training["minutes"]}
    kept.write_text(json.dumps(values), encoding="utf-8")
    return values


def _config(arguments: argparse.Namespace, row: str, seed: int, out: Path) -> Path:
    """The configuration of a run as a file: the small model with the losses of the paper's row."""
    tables = read_tables(find_config(arguments.config))
    losses = read_tables(find_config(ROWS[row]))["losses"]
    tables["losses"] = merged(
        losses,
        {
            "contrast": tables.get("losses", {}).get("contrast", {}),
            "distillation": {"clusters": arguments.clusters},
        },
    )
    tables = merged(tables, {"train": {"seed": seed}, "data": {"teacher": str(arguments.teacher.resolve())}})
    out.mkdir(parents=True, exist_ok=True)
    place = out / "config.toml"
    place.write_text(_toml(tables), encoding="utf-8")
    return place


def _toml(tables: dict[str, Any], path: tuple[str, ...] = ()) -> str:
    """Nested tables of plain values as TOML."""
    plain = {name: value for name, value in tables.items() if not isinstance(value, dict)}
    lines = [f"[{'.'.join(path)}]"] if path and plain else []
    lines += [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in plain.items()]
    parts = ["\n".join(lines)] if lines else []
    parts += [_toml(value, (*path, name)) for name, value in tables.items() if isinstance(value, dict)]
    return "\n\n".join(part for part in parts if part) + ("\n" if not path else "")


def precision(arguments: argparse.Namespace, dataset: str, checkpoint: Path) -> dict[str, float]:
    """P@1 of the best of a whole pack (the first one), plain and macro, in percent."""
    samples = list(islice(open_dataset(arguments.data / dataset, "valid").samples(), arguments.queries))
    kind = "emoji" if label_of(samples[0], "emoji") else "emotion"
    stickers = _first_pack(arguments.pack)
    ranker = load_ranker(checkpoint, "cpu")
    features = ranker.encode_stickers(stickers)
    hits, labels = [], []
    for sample in samples:
        best = stickers[int(np.argmax(ranker.score(sample.conversation, features)))]
        said = normal_label(best.emoji) if kind == "emoji" else best.emotion
        wanted = label_of(sample, kind)
        hits.append(float(said == wanted))
        labels.append(str(wanted))
    return {"P@1": 100 * mean(hits), "macro P@1": 100 * macro_mean(np.array(hits), labels)}


def _first_pack(folder: Path) -> list[Sticker]:
    found: dict[str, list[Sticker]] = {}
    with open_pack(str(folder)) as pack:
        for entry in pack:
            if not isinstance(entry, Quarantined) and entry.path is not None:
                found.setdefault(entry.pack, []).append(
                    entry.annotations.sticker(entry.id, entry.pack, path=str(entry.path))
                )
    return next(iter(found.values()))


def table(found: dict[tuple[str, str], list[dict[str, float]]], datasets: list[str], rows: list[str]) -> str:
    """A Markdown table a dataset."""
    lines = []
    for dataset in datasets:
        lines += ["", f"**{dataset}**", "", f"| | {' | '.join(MEASURES)} |", "| --- " * 7 + "|"]
        for row in rows:
            values = found[dataset, row]
            cells = [_cell([each[name] for each in values]) for name in MEASURES]
            lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(values: list[float]) -> str:
    spread = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    return f"{mean(values):.1f}{spread}"


if __name__ == "__main__":
    main()
