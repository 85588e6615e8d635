"""Tiny data in the real formats: StickerChat, SER30K and the native one, made on the spot."""

import json

import numpy as np
from PIL import Image

EMOTIONS = ("surprise", "happiness", "disgust", "fear", "sadness", "anger", "neutral")

COLOURS = (
    (250, 200, 40),
    (60, 200, 90),
    (90, 60, 20),
    (90, 40, 120),
    (40, 90, 220),
    (230, 30, 30),
    (120,) * 3,
)


def write_picture(path, emotion=0, number=0, size=(20, 20)):
    """A square of the emotion's colour with a dot whose place tells the number."""
    picture = np.full((size[1], size[0], 3), COLOURS[emotion], np.uint8)
    picture[number % size[1], (number * 3) % size[0]] = (number % 256, 255, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


def write_pack(folder, packs=("p", "q"), per_emotion=2, size=(20, 20)):
    """A native pack: every pack has the same number of stickers of each of the seven emotions."""
    rows = []
    for pack_number, pack in enumerate(packs):
        for at, emotion in enumerate(EMOTIONS):
            for i in range(per_emotion):
                name = f"{pack}/{emotion}-{i}"
                write_picture(folder / f"images/{name}.png", at, 31 * pack_number + 7 * i + at, size)
                rows.append({"id": name, "pack": pack, "image": f"images/{name}.png", "emotion": emotion})
    (folder / "stickers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def write_native(folder, packs=("p", "q"), train=24, valid=10, per_emotion=2):
    """Conversations whose words name the emotion, with the pack beside them in ``stickers``."""
    write_pack(folder / "stickers", packs, per_emotion)
    rng = np.random.default_rng(3)
    for split, count in (("train", train), ("valid", valid)):
        rows = []
        for i in range(count):
            pack, at = packs[i % len(packs)], i % 7
            gold = f"{pack}/{EMOTIONS[at]}-{rng.integers(per_emotion)}"
            row = {
                "id": f"{split}-{i}", "utterances": [f"so much {EMOTIONS[at]} here", f"yes {i}"],
                "emotion": EMOTIONS[at], "sticker": gold,
            }  # fmt: skip
            if split == "valid":
                others = [
                    f"{pack}/{e}-{j}" for e in EMOTIONS if e != EMOTIONS[at] for j in range(per_emotion)
                ]
                row["candidates"] = [*rng.choice(others, 9, replace=False).tolist(), gold]
            rows.append(row)
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def dialogue(pack, sticker, texts=("你 吃 了 吗", "还 没"), sender=7):
    context = [
        {"text": text, "reply_to_msg_id": None, "id": 101 + i, "from_id": (7, 9)[i % 2]}
        for i, text in enumerate(texts)
    ]
    current = {
        "from_id": sender, "reply_to_msg_id": 103, "sticker_set_id": pack, "sticker_id": sticker,
        "sticker_alt": "😀",
    }  # fmt: skip
    return {"context": context, "current": current}


def write_stickerchat(root, rows=None):
    """Two sets: 501 with twelve stickers, mapped in falling order; 502 with four."""
    for pack, count in ((501, 12), (502, 4)):
        folder = root / "npy_stickers" / str(pack)
        folder.mkdir(parents=True)
        for i in range(count):
            values = np.full((16, 16, 3), 10 * i, np.uint8)
            values[0, 0] = (pack % 256, i, 255)
            np.save(folder / f"{pack}{i:02d}.npy", values)
        lines = [f"{pack}{i:02d}\t😀\n" for i in reversed(range(count))]
        (folder / "emoji_mapping.txt").write_text("".join(lines))
    rows = rows or [dialogue(501, 50105), dialogue(501, 50100), dialogue(502, 50201)]
    for name in ("release_train.json", "release_val.json"):
        (root / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


def write_ser30k(root, per_emotion=3, nested=False):
    """SER30K's layout with a few images of each emotion in both splits."""
    place = root / "Annotations" / ("image-level" if nested else "")
    place.mkdir(parents=True)
    for split, count in (("train", per_emotion), ("val", 1)):
        rows = []
        for anno in range(1, 8):
            for i in range(count):
                name = f"sticker_{anno}{i}.jpg"
                write_picture(root / "Images" / f"{split}-cat" / name, anno - 1, 5 * i + anno)
                rows.append({"topic": f"{split}-cat", "file_name": name, "anno": anno, "text": ""})
        (place / f"{split}.json").write_text(json.dumps({"annotations": rows}))
    return root
