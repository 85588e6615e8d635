"""(conversation, sticker) pairs a second: how fast a trained ranker matches conversations with a pack.

The sticker side is encoded before, as a library keeps it; what is timed is everything that a conversation
costs: cutting it into tokens, reading it, matching it with every sticker, scores back on the host. Rankers
that score lists (`retriever.rankers.parts.list_ranker`) are asked for several conversations at once.
Conversations are taken from a dataset in the native format, over and over.
"""

import argparse
import json
import time
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from eval.datasets import open_dataset
from retriever.errors import StickerError
from retriever.packs import open_pack
from retriever.packs.entry import Quarantined
from retriever.rankers import load_ranker


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ranker", required=True, type=Path, help="a checkpoint's folder")
    parser.add_argument("--data", required=True, type=Path, help="a dataset's folder in the native format")
    parser.add_argument("--pack", required=True, help="the stickers")
    parser.add_argument("--split", default="valid")
    parser.add_argument("--at-once", type=int, default=16, help="conversations asked for at once")
    parser.add_argument("--pairs", type=int, default=50_000, help="pairs a round, at least")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    arguments = parser.parse_args()

    try:
        ranker: Any = load_ranker(arguments.ranker, device=arguments.device)
    except StickerError as error:
        parser.error(str(error))
    if hasattr(ranker, "precision"):
        ranker.precision = arguments.precision
    with open_pack(arguments.pack) as pack:
        stickers = [
            entry.annotations.sticker(entry.id, entry.pack, path=entry.origin)
            for entry in pack
            if not isinstance(entry, Quarantined)
        ]
    features = ranker.encode_stickers(stickers)
    talks = [sample.conversation for sample in open_dataset(arguments.data, arguments.split).samples()]
    rows = np.broadcast_to(np.arange(len(stickers)), (arguments.at_once, len(stickers)))
    asked = cycle(talks)
    found = []
    for number in range(arguments.rounds + 1):
        began, pairs = time.perf_counter(), 0
        while pairs < arguments.pairs:
            some = list(islice(asked, arguments.at_once))
            if hasattr(ranker, "score_lists"):
                ranker.score_lists(some, features, rows)
            else:
                for talk in some:
                    ranker.score(talk, features)
            pairs += len(some) * len(stickers)
        if number:  # the first round warms up
            found.append(pairs / (time.perf_counter() - began))
            per_second = {"pairs": round(found[-1]), "conversations": round(found[-1] / len(stickers), 1)}
            print(json.dumps(per_second), flush=True)
    print(f"{ranker.model_id}: median {median(found):,.0f} pairs a second, {len(stickers)} stickers")


if __name__ == "__main__":
    main()
