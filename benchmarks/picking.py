"""Latency of a pick, recall of the recall stage, and memory of a process that has answered one pick.

Conversations are the shipped dialogues, or those of `--conversations FILE.jsonl`; the first is asked once to
warm up, then the scorers' memory of conversations is emptied, so that every timed pick encodes its own.
Recall is the share of the brute-force top 10 (fused over the whole library) among the candidates.
"""

import argparse
import json
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import numpy as np

from retriever.chain import StickerRetriever
from retriever.conversations import read_conversations
from retriever.recall import best_rows
from retriever.starter import STARTER_DIALOGUES
from retriever.types import Conversation

TOP = 10
ONE_PICK = """
import resource, sys
from retriever.chain import StickerRetriever
StickerRetriever.open(sys.argv[1]).pick("I passed the exam!", k=3)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("libraries", nargs="+", type=Path)
    parser.add_argument("--conversations", type=Path, default=STARTER_DIALOGUES / "valid.jsonl")
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--recall", choices=("exact", "hnsw", "both"), default="both")
    arguments = parser.parse_args()
    with arguments.conversations.open("rb") as file:
        conversations = list(islice(read_conversations(file, str(arguments.conversations)), arguments.limit))
    methods = ("exact", "hnsw") if arguments.recall == "both" else (arguments.recall,)
    for library in arguments.libraries:
        memory = subprocess.run(
            [sys.executable, "-c", ONE_PICK, library], check=True, stdout=subprocess.PIPE, text=True
        )
        for method in methods:
            row = measure(library, method, conversations)
            print(json.dumps({**row, "one_pick_process_gib": round(float(memory.stdout), 3)}), flush=True)


def measure(library: Path, method: str, conversations: list[Conversation]) -> dict[str, object]:
    """Milliseconds and recall over all conversations."""
    started = time.perf_counter()
    retriever = StickerRetriever.open(library, recall=method)  # type: ignore[arg-type]
    opened = time.perf_counter() - started
    retriever.pick(conversations[0])
    forget(retriever)
    milliseconds = []
    for conversation in conversations:
        started = time.perf_counter()
        retriever.pick(conversation, k=3)
        milliseconds.append(1000 * (time.perf_counter() - started))
    recalls = [recall(retriever, conversation) for conversation in conversations]
    return {
        "library": str(library),
        "stickers": len(retriever.library),
        "recall_method": method,
        "open_seconds": round(opened, 2),
        "conversations": len(conversations),
        "p50_ms": round(float(np.percentile(milliseconds, 50)), 2),
        "p99_ms": round(float(np.percentile(milliseconds, 99)), 2),
        f"recall@{TOP}": round(float(np.mean([fused for fused, _ in recalls])), 4),
        f"embedding_recall@{TOP}": round(float(np.mean([embedding for _, embedding in recalls])), 4),
    }


def forget(retriever: StickerRetriever) -> None:
    """Empty the scorers' memory of conversations."""
    for scorer in retriever.recallers:
        getattr(scorer, "_queries", {}).clear()


def recall(retriever: StickerRetriever, conversation: Conversation) -> tuple[float, float]:
    """Of the brute-force top by fused score, and of the top by embedding, the share that was recalled."""
    scores = retriever.score_library(conversation)
    rows = set(retriever._recall(conversation, TOP).rows.tolist())
    found = []
    for name in ("fused", "embedding"):
        top = best_rows(scores.get(name, scores["fused"]), TOP).tolist()
        found.append(len(rows.intersection(top)) / len(top))
    return found[0], found[1]


if __name__ == "__main__":
    main()
