"""Ways to fuse without having fitted anything: what the default would cost and gain against the others.

Every scorer of a library is asked once about some conversations of each dataset; every way to fuse is then
judged on the same scores. R@1 is among the candidates of a row, P@1 over the whole library by label, both in
percent; macro is the mean of P@1 over labels.
"""

import argparse
import json
from collections.abc import Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from eval.datasets import open_dataset
from eval.labels import LabelField, label_of, pick_label_field
from eval.metrics import macro_mean, precision_at_k, recall_at_k
from retriever.chain import FUSED, StickerRetriever
from retriever.errors import StickerError
from retriever.fusion import fuse
from retriever.fusion.default import METHOD, NORMALISATION, RANKER_WEIGHT

Scored = tuple[Mapping[str, Any], np.ndarray, int, str]
"""Scores of the library by scorer, rows of the candidates, the gold's place among them, the label."""

WAYS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("rrf", {}),
    *(("weighted", {"normalisation": name}) for name in ("rank", "zscore", "minmax")),
)
RANKER_WEIGHTS = (1.0, 2.0, 4.0)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "data", nargs="+", help="DATASET, or DATASET=LIBRARY where its stickers are in another library"
    )
    parser.add_argument("--library", "-l", type=Path, help="of datasets that name none")
    parser.add_argument("--split", default="valid")
    parser.add_argument("--rows", type=int, default=500, help="conversations of each, evenly spread")
    parser.add_argument("--json", action="store_true", help="a line a way in place of the table")
    arguments = parser.parse_args()
    found: dict[str, tuple[list[Any], list[Scored]]] = {}
    try:
        for given in arguments.data:
            dataset, _, library = given.partition("=")
            at = StickerRetriever.open(library or arguments.library)
            found[Path(dataset).name] = asked(at, dataset, arguments.split, arguments.rows)
    except StickerError as error:
        parser.error(str(error))
    show(found, as_json=arguments.json)


def asked(at: StickerRetriever, dataset: str, split: str, rows: int) -> tuple[list[Any], list[Scored]]:
    """The labels of the library, and what every scorer said of `rows` conversations."""
    samples = [s for s in open_dataset(dataset, split).samples() if s.gold and s.candidates]
    field: LabelField | None = pick_label_field(samples)
    if field is None:
        raise StickerError(f"{dataset} has no rows with candidates and labels")
    chosen = [samples[i] for i in np.linspace(0, len(samples) - 1, min(rows, len(samples))).astype(int)]
    scored: list[Scored] = []
    for sample in track(chosen, description=Path(dataset).name):
        scores = at.score_library(sample.conversation)
        scores.pop(FUSED)
        candidates = list(sample.candidates or ())
        places = np.array([at.library.stickers.row_of(id_) for id_ in candidates])
        scored.append((scores, places, candidates.index(sample.gold or ""), label_of(sample, field) or ""))
    return [label_of(sticker, field) for sticker in at.stickers], scored


def figures(
    labels: list[Any], scored: Iterable[Scored], method: str, options: dict[str, Any], weight: float
) -> dict[str, float]:
    """R@1, P@1 and macro P@1 of one way, in percent."""
    first, right, of = [], [], []
    for scores, places, gold, label in scored:
        weights = {name: weight if name == "ranker" else 1.0 for name in scores}
        few = {name: values[places] for name, values in scores.items()}
        only = np.zeros((1, len(places)))
        only[0, gold] = 1
        first.append(recall_at_k(fuse(few, method, weights=weights, **options)[None], only, 1)[0])
        fused = fuse(scores, method, weights=weights, **options)[None]
        relevant = np.array([[other == label for other in labels]], dtype=float)
        right.append(precision_at_k(fused, relevant, 1)[0])
        of.append(label)
    return {
        "R@1": 100 * float(np.mean(first)),
        "P@1": 100 * float(np.mean(right)),
        "macro": 100 * macro_mean(np.array(right), of),
    }


def show(found: Mapping[str, tuple[list[Any], list[Scored]]], *, as_json: bool) -> None:
    """A row a way."""
    table = Table(title="R@1 / P@1 / macro P@1")
    for heading in (
        "way",
        "ranker's weight",
        *(f"{name} ({len(rows)})" for name, (_, rows) in found.items()),
    ):
        table.add_column(heading)
    for (method, options), weight in product(WAYS, RANKER_WEIGHTS):
        of = {name: figures(*each, method, options, weight) for name, each in found.items()}
        way = options.get("normalisation", method)
        if as_json:
            print(json.dumps({"way": way, "ranker": weight, **of}), flush=True)
            continue
        default = (method, options.get("normalisation"), weight) == (METHOD, NORMALISATION, RANKER_WEIGHT)
        cells = [" / ".join(f"{value:.1f}" for value in each.values()) for each in of.values()]
        table.add_row(f"{way} (default)" if default else way, f"{weight:g}", *cells)
    if not as_json:
        Console(width=36 + 24 * len(found)).print(table)


if __name__ == "__main__":
    main()
