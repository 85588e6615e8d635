"""A world to divide: dialogues cut into rows, stickers that are all different, and some copies of them."""

import io
import json

import numpy as np
from PIL import Image

N_DIALOGUES, ROWS_EACH, N_STICKERS, N_COPIES = 40, 3, 20, 5


def blocks(seed, shift=0):
    """A picture of 4 x 4 random blocks; `shift` makes every value a little brighter."""
    values = np.random.default_rng(seed).integers(20, 230, (4, 4, 3)) + shift
    return Image.fromarray(np.kron(values, np.ones((16, 16, 1))).astype(np.uint8))


def write_world(root, copies=N_COPIES, with_candidates=True):
    """Stickers ``p/0`` to ``p/19``, and ``p/copy-0`` ... that look like the first of them."""
    pack = root / "stickers"
    (pack / "images").mkdir(parents=True)
    listed = []
    for at in range(N_STICKERS + copies):
        copied = at >= N_STICKERS
        number = at - N_STICKERS if copied else at
        name = f"copy-{number}" if copied else str(number)
        file = io.BytesIO()
        blocks(number, 4 if copied else 0).save(file, "PNG")
        (pack / "images" / f"{name}.png").write_bytes(file.getvalue())
        emotion = ("anger", "fear", "happiness")[number % 3]
        listed.append({"id": f"p/{name}", "image": f"images/{name}.png", "pack": "p", "emotion": emotion})
    (pack / "stickers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in listed))
    ids = [row["id"] for row in listed]
    emotions = {row["id"]: row["emotion"] for row in listed}
    rng = np.random.default_rng(1)
    rows = []
    for dialogue in range(N_DIALOGUES):
        said = [f"in dialogue {dialogue} somebody says number {i}" for i in range(ROWS_EACH)]
        for i in range(ROWS_EACH):
            gold = ids[rng.integers(len(ids))]
            row = {
                "id": f"d{dialogue}-{i}", "utterances": said[: i + 1], "sticker": gold,
                "emotion": emotions[gold],
            }  # fmt: skip
            if with_candidates:
                others = [id_ for id_ in ids if id_ != gold]
                row["candidates"] = [gold, *rng.choice(others, 4, replace=False).tolist()]
            rows.append(row)
    (root / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root
