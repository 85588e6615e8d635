"""PBR's modules one by one, on real conversations: the rows of the paper's table 3 at a size for a CPU.

Every run is `sticker train` with `--config` and the losses of its row, selected and measured on the
validation split. A run that has ended is not repeated, so the command may be killed and given again. The rows
that distil need a teacher (`sticker train teacher-small --pack PACK --out DIR`), and all start from an image
encoder that has seen the pack's emotions (`sticker train benchmarks/image_start.toml --pack PACK --out DIR`).

R@k and MAP are over each conversation's ten candidates; P@1 is whether the best of one whole pack carries the
right label, plain and averaged over labels. All in percent: mean over the seeds and their standard deviation.
"""

import argparse
import json
import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from trained_runs import MEASURED, Setting, cell, trained

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
    parser.add_argument(
        "--start", required=True, type=Path, help="best/ folder of the image encoder to start from"
    )
    parser.add_argument("--clusters", type=int, default=10, help="M, the teacher's anchors an emotion")
    parser.add_argument("--out", required=True, type=Path, help="where runs are kept")
    parser.add_argument("--ledger", type=Path, default=MEASURED / "ablation.jsonl", help="what is known")
    parser.add_argument("--config", default=str(Path(__file__).with_name("ablation.toml")))
    parser.add_argument("--rows", nargs="+", choices=tuple(ROWS), default=tuple(ROWS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at once, a core each")
    parser.add_argument("--queries", type=int, default=200, help="conversations that P@1 is measured on")
    arguments = parser.parse_args()
    setting = Setting(arguments.data, arguments.pack, arguments.out, arguments.queries, arguments.ledger)
    places = {
        "data": {"teacher": str(arguments.teacher.resolve())},
        "model": {"image": {"pretrained": str((arguments.start / "model.safetensors").resolve())}},
    }
    runs = [
        (dataset, row, seed)
        for seed in arguments.seeds
        for dataset in arguments.datasets
        for row in arguments.rows
    ]
    found: dict[tuple[str, str], list[dict[str, float]]] = defaultdict(list)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        futures = [
            pool.submit(trained, setting, dataset, _name(row), seed, _tables(arguments, row), places)
            for dataset, row, seed in runs
        ]
        for (dataset, row, seed), future in zip(runs, futures, strict=True):
            values = future.result()
            found[dataset, row].append(values)
            print(json.dumps({"dataset": dataset, "row": row, "seed": seed, **values}), flush=True)
    print(table(found, arguments.datasets, arguments.rows))


def _name(row: str) -> str:
    return row.strip("+").lower()


def _tables(arguments: argparse.Namespace, row: str) -> dict[str, Any]:
    """The small model with the losses of the paper's row."""
    tables = read_tables(find_config(arguments.config))
    contrast = tables.get("losses", {}).get("contrast", {})
    losses = read_tables(find_config(ROWS[row]))["losses"]
    tables["losses"] = merged(
        losses, {"contrast": contrast, "distillation": {"clusters": arguments.clusters}}
    )
    return tables


def table(found: dict[tuple[str, str], list[dict[str, float]]], datasets: list[str], rows: list[str]) -> str:
    """A Markdown table a dataset."""
    lines = []
    for dataset in datasets:
        lines += ["", f"**{dataset}**", "", f"| | {' | '.join(MEASURES)} |", "| --- " * 7 + "|"]
        for row in rows:
            values = found[dataset, row]
            cells = [cell([each[name] for each in values]) for name in MEASURES]
            lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
