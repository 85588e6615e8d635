"""Tiny data in every format that is read, made on the spot."""

import csv
import json
from pathlib import Path
from typing import Any

from mod_world import write_mod, write_stickerint
from ranking_worlds import write_native, write_pack, write_picture, write_ser30k, write_stickerchat

QUERIES = {
    "en": [("1.png", "thumbs up, good job, thumbs up"), ("2.gif", "so sad, 😢")],
    "zh": [("1.png", "点赞, 好")],
}


def write_queries(root: Path, **languages: list[tuple[str, str]]) -> Path:
    """StickerQueries: two languages over two stickers."""
    (root / "stickers").mkdir(parents=True)
    for at, name in enumerate(("1.png", "2.gif")):
        write_picture(root / "stickers" / name, at, at)
    for language, listed in {**QUERIES, **languages}.items():
        with (root / f"sticker_queries_{language}_release.csv").open(
            "w", encoding="utf-8", newline=""
        ) as file:
            table = csv.writer(file)
            table.writerow(("sticker_id", "labeled_queries"))
            table.writerows(listed)
    return root


def write_image_folder(root: Path, metadata: list[dict[str, Any]] | None = None) -> Path:
    """Sub-folders named for emotions, two images each, below folders named for splits."""
    for split in ("train", "test"):
        for at, emotion in enumerate(("Anger", "fear")):
            for i in range(2):
                write_picture(root / split / emotion / f"{i}.png", at, 7 * i + (split == "test"))
    if metadata is not None:
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in metadata)
        (root / "train" / "metadata.jsonl").write_text(lines, encoding="utf-8")
    return root


def write_rows(path: Path, *rows: Any) -> Path:
    """JSON Lines; text is written as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


WRITERS = {
    "native": write_native,
    "stickerchat": write_stickerchat,
    "mod": write_mod,
    "stickerint": write_stickerint,
    "ser30k": write_ser30k,
    "stickerqueries": write_queries,
    "pack": write_pack,
}
