"""DSTC10-MOD and StickerInt in their own layouts, a few rows of each, made on the spot."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

COLOURS = ((250, 200, 40), (60, 200, 90), (90, 60, 20), (90, 40, 220), (40, 90, 120), (230, 30, 30))
WORDS = ("你好", "", "哈哈哈", "", "不行", "")


def turn(
    speaker: int, txt: str | None = None, img: str | None = None, emotion: int | None = None
) -> dict[str, Any]:
    found: dict[str, Any] = {"speaker_id": f"[speaker{speaker}]"}
    for name, value in (("txt", txt), ("img_id", img), ("emotion_id", emotion)):
        if value is not None:
            found[name] = value
    return found


def dialogues() -> dict[str, Any]:
    """Four samples: a second sticker in a dialogue, one without text, one without emotion, sticker 000."""
    return {
        "dialogue 1": [
            turn(1, "今天好热", "003", 2),
            turn(2, "是啊"),
            turn(1, "去游泳吗", "001", 0),
            turn(2, None, "002"),
        ],
        "dialogue 2": [turn(1, "早上好"), turn(2, "早", "000", 1)],
        "dialogue 3": [turn(1, "走吗"), turn(2, "不去"), turn(1, "好吧", "004", 2)],
    }


def rows() -> list[dict[str, Any]]:
    return [
        {
            "history": [turn(1, "今天好热", "003", 2), turn(2, "去游泳吗")],
            "candidate": {"speaker_id": "[speaker2]", "set": ["001", "003", "005"]},
            "answer": turn(2, None, "003"),
        },
        {
            "history": [turn(1, "早上好")],
            "candidate": {"speaker_id": "[speaker2]", "set": ["000", "001", "002"]},
            "answer": turn(2, None, "000"),
        },
    ]


def write_mod(root: Path, **files: Any) -> Path:
    """The release's README names; `files` replace or (None) leave out some of them."""
    (root / "meme_set").mkdir(parents=True)
    names = [f"m{at}.{'gif' if at == 1 else 'png'}" for at in range(6)]
    for colour, name in zip(COLOURS, names, strict=True):
        picture = Image.fromarray(np.full((14, 18, 3), colour, np.uint8))
        picture.save(root / "meme_set" / name)
    content = {
        "img2id": {name: at for at, name in enumerate(names)},
        "emotion_dict": {"高兴": 0, "难过": 1, "生气": 2},
        "ocr_max10": {str(at): {"ocr": words, "name": names[at]} for at, words in enumerate(WORDS)},
        "c_train": dialogues(),
        "c_val": dialogues(),
        "c_val_task2": rows(),
        "c_test_easy_task2": rows()[:1],
        "c_test_hard_task2": rows(),
        **files,
    }
    for name, value in content.items():
        if value is not None:
            (root / f"{name}.json").write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return root


def int_row(**changes: Any) -> dict[str, Any]:
    return {
        "textid": 17,
        "text": "User3\t食堂又关门[SEP]User1\t我也没吃[SEP]User3",
        "image_ids": ["boba_1.jpg"],
        "fined_intent": "annoyance",
        "keyword": "握拳,站立,皱眉,无",
        "speaker": "User3",
        "comet": "想吃饭",
        **changes,
    }


def write_stickerint(root: Path, **splits: list[Any]) -> Path:
    """Two stickers a split, one row each; `splits` replace a split's rows."""
    root.mkdir(parents=True, exist_ok=True)
    for at, split in enumerate(("train", "valid", "test")):
        lines = []
        for number in range(2):
            file = io.BytesIO()
            Image.fromarray(np.full((9, 9, 3), COLOURS[2 * at + number], np.uint8)).save(file, "PNG")
            lines.append(
                f"boba_{2 * at + number}.jpg\t{base64.urlsafe_b64encode(file.getvalue()).decode()}\n"
            )
        (root / f"{split}_imgs.tsv").write_text("".join(lines))
        given = splits.get(split, [int_row(image_ids=[f"boba_{2 * at}.jpg"])])
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in given)
        (root / f"{split}_contexts_total_key.jsonl").write_text(text, encoding="utf-8")
    (root / "intent_label.txt").write_text("0\tannoyance\t烦躁\n1\tjoy\t高兴\n", encoding="utf-8")
    return root
