"""Gold stickers and candidates for the shipped dialogues: drawn once with a fixed seed, kept in the file.

The words and labels of a dialogue are written by hand. Its gold sticker is drawn at random among those of one
pack that carry its intention; its candidates are the gold and nine stickers of the same pack with another
intention. So a system is judged by whether it finds the right intention, not by the taste of an author.
"""

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from retriever.errors import InputError

N_NEGATIVES = 9


def freeze(
    dialogues: Sequence[Mapping[str, Any]], stickers: Sequence[Mapping[str, Any]], seed: int = 0
) -> list[dict[str, Any]]:
    """Rows with ``sticker`` and ``candidates`` filled in.

    Args:
        dialogues: rows with ``intention``.
        stickers: rows of a pack with ``id``, ``pack`` and ``intention``.

    Raises:
        InputError: an intention that no pack has, or a pack with fewer than nine other stickers.
    """
    chance = random.Random(seed)
    rows = []
    for dialogue in dialogues:
        wanted = dialogue["intention"]
        golds = [sticker for sticker in stickers if sticker["intention"] == wanted]
        if not golds:
            raise InputError(f"dialogue {dialogue['id']}: no sticker has the intention {wanted!r}")
        gold = chance.choice(golds)
        others = [
            sticker["id"]
            for sticker in stickers
            if sticker["pack"] == gold["pack"] and sticker["intention"] != wanted
        ]
        if len(others) < N_NEGATIVES:
            raise InputError(f"pack {gold['pack']} has {len(others)} other stickers, expected {N_NEGATIVES}")
        candidates = [gold["id"], *chance.sample(others, N_NEGATIVES)]
        chance.shuffle(candidates)
        rows.append({**dialogue, "sticker": gold["id"], "candidates": candidates})
    return rows


def main() -> None:
    """Fill in the shipped dialogues anew, after the starter pack changed."""
    from retriever.starter import STARTER_DIALOGUES, STARTER_PACK

    path = Path(STARTER_DIALOGUES) / "valid.jsonl"
    dialogues = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    lines = (STARTER_PACK / "stickers.jsonl").read_text(encoding="utf-8").splitlines()
    rows = freeze(dialogues, [json.loads(line) for line in lines])
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
