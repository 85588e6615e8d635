"""Every ranker there is on the same real conversations: same towers where a method allows, same budget.

Every run is `sticker train` with a small configuration that ships and the tables of `--config` over it, and
is measured on the validation split when its budget is spent. A run that has ended is not repeated, so the
command may be killed and given again. Pictures start from an encoder that has seen the pack's emotions
(`sticker train benchmarks/image_start.toml --pack PACK --out DIR`), words from the text tower that ships,
which has been trained on all three sets' training splits: what is compared is what the methods make of it.
SRS and MOD-GPT read words that start from nothing. Nothing stands behind the stickers but the pack's names
and keywords, and nothing was inferred of the conversations, unless journals lie beside the data.

R@k and MAP are over each conversation's ten candidates; P@k and mAP over one whole pack, right being what
carries the label. All in percent: mean over the seeds and their standard deviation.
"""

import argparse
import json
import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from trained_runs import LISTS, MEASURED, PACK, Setting, cell, trained

from trainers.config import find_config, merged, read_tables

COUNTED = ("random", "popularity", "most_frequent")
PAPERS = ("pbr", "int_ra", "mmbert")
BASELINES = ("clip", "albef", "irra", "pcme", "lgur", "srs", "mod_gpt")
ABLATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "int_ra-wo-attribute": ("int_ra", {"model": {"attributes": []}}),
    "int_ra-wo-intention": ("int_ra", {"model": {"query": "context"}}),
    "mmbert-plain": ("mmbert", {"losses": {"ctx": 0.0, "emo": 0.0, "sem": 0.0}}),
    "mmbert-ctx": ("mmbert", {"losses": {"emo": 0.0, "sem": 0.0}}),
    "mmbert-ctx-emo": ("mmbert", {"losses": {"sem": 0.0}}),
}
JOINT = ("mmbert", "mod_gpt")
"""These read words and stickers in one pass."""

MATCHING: dict[str, Any] = {"score": "sum", "fusion": {"layers": 1, "width": 128, "heads": 4}}
"""PBR and ALBEF: the sum of both of their scores, and a small multimodal encoder."""

COSTS = ("parameters", "minutes", "pick_ms")


def main() -> None:
    everything = (*COUNTED, *BASELINES, *PAPERS, *ABLATIONS)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, type=Path, help="folder of the datasets' folders")
    parser.add_argument("--datasets", nargs="+", default=["chat-en", "chat-zh", "tweet-emoji"])
    parser.add_argument("--pack", required=True, type=Path, help="the stickers' pack")
    parser.add_argument("--out", required=True, type=Path, help="where runs are kept")
    parser.add_argument("--start", required=True, type=Path, help="best/ folder of the image encoder")
    parser.add_argument("--ledger", type=Path, default=MEASURED / "rankers.jsonl", help="what is known")
    parser.add_argument("--config", default=str(Path(__file__).with_name("rankers.toml")))
    parser.add_argument("--rankers", nargs="+", choices=everything, default=(*COUNTED, *BASELINES, *PAPERS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of the papers' rankers")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at once, a core each")
    parser.add_argument("--queries", type=int, default=200, help="conversations ranked over a whole pack")
    arguments = parser.parse_args()
    setting = Setting(arguments.data, arguments.pack, arguments.out, arguments.queries, arguments.ledger)
    places = {"model": {"image": {"pretrained": str((arguments.start / "model.safetensors").resolve())}}}
    budget = read_tables(find_config(arguments.config))
    runs = [
        (dataset, name, seed)
        for seed in arguments.seeds
        for dataset in arguments.datasets
        for name in arguments.rankers
        if seed == arguments.seeds[0] or name in PAPERS or name in ABLATIONS
    ]
    found: dict[tuple[str, str], list[dict[str, float]]] = defaultdict(list)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        futures = [
            pool.submit(
                trained,
                setting,
                dataset,
                name,
                seed,
                tables(name, dataset, budget),
                places if name not in COUNTED else None,
            )
            for dataset, name, seed in runs
        ]
        for (dataset, name, seed), future in zip(runs, futures, strict=True):
            values = future.result()
            found[dataset, name].append(values)
            print(json.dumps({"dataset": dataset, "ranker": name, "seed": seed, **values}), flush=True)
    print(table(found, arguments.datasets, arguments.rankers))


def tables(name: str, dataset: str, budget: dict[str, Any]) -> dict[str, Any]:
    """The small configuration of a ranker with the common budget and the common towers."""
    base, changes = ABLATIONS.get(name, (name, {}))
    if base in COUNTED:
        batch = {"valid_limit": budget["batch"]["valid_limit"]}
        told = {"field": "emoji"} if (base, dataset) == ("most_frequent", "tweet-emoji") else {}
        return {**read_tables(find_config(f"baselines/{base}")), "batch": batch, **told}
    found = read_tables(find_config(f"{base}/small" if base in PAPERS else f"baselines/{base}-small"))
    if base in JOINT:
        budget = merged({**budget, "model": {**budget["model"], "text": {}}}, budget["joint"])
    rest = {key: value for key, value in budget.items() if key not in ("model", "joint")}
    model = {**found["model"], "image": budget["model"]["image"]}
    if model["text"]["kind"] == "bert":
        model["text"] = budget["model"]["text"]
    else:
        rest = merged(rest, {"train": {"frozen": []}})
    if base in ("pbr", "albef"):
        model |= MATCHING
    if base == "int_ra":
        model |= {"labels": "emoji" if dataset == "tweet-emoji" else "emotion"}
        model |= {"languages": ["zh" if dataset == "chat-zh" else "en"]}
    return merged(merged({**found, "model": model}, rest), changes)


def table(found: dict[tuple[str, str], list[dict[str, float]]], datasets: list[str], names: list[str]) -> str:
    """A Markdown table a dataset."""
    lines = []
    measures = (*LISTS, *PACK)
    for dataset in datasets:
        heads = (*measures, "M parameters", "minutes", "ms a pick")
        lines += ["", f"**{dataset}**", "", f"| | {' | '.join(heads)} |", "| --- " * (len(heads) + 1) + "|"]
        for name in names:
            values = found[dataset, name]
            cells = [cell([each[measure] for each in values]) for measure in measures]
            cells += [cell([values[0][cost]]) for cost in COSTS]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
