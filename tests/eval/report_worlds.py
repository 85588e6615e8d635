"""Evaluations to report on, small and real: made by the harness, hostile where that is wanted."""

import json
from types import SimpleNamespace

import numpy as np
from eval_worlds import EMOTIONS, LIBRARY, both, write_dataset

from eval.harness import evaluate

HOSTILE = (
    "<script>alert(1)</script>",
    "=HYPERLINK(\"http://evil\",\"x\")",
    "\\input{/etc/passwd} $x$ %",
    "a|b `c` [d](javascript:e) _f_",
    "\u202egnp.exe\u202c \ud83d <b>",
    "名字 " + "long " * 40,
)


def plain_world(tmp_path, n=120, **options):
    """(folder, report) of two systems on three emotions."""
    out = tmp_path / "out"
    report = evaluate(
        write_dataset(tmp_path / "world", n), LIBRARY, both, out=out, resamples=200, show_progress=False, **options
    )
    return out, report


def hostile_world(tmp_path, n=30):
    """(folder, report) where everything that is text tries to be something else; every sticker has a picture."""
    from PIL import Image

    stickers = []
    for at, emotion in enumerate(EMOTIONS * 4):
        path = tmp_path / f"{at}.png"
        Image.new("RGB", (16, 16), (20 * at, 90, 200)).save(path)
        stickers.append(
            SimpleNamespace(
                id=f"{HOSTILE[at % 4]}/{at}", emotion=emotion, emoji=None, intention=None, path=str(path)
            )
        )
    rng = np.random.default_rng(0)
    lines = []
    for at in range(n):
        gold = stickers[int(rng.integers(len(stickers)))]
        others = [sticker.id for sticker in stickers if sticker is not gold][:4]
        text = HOSTILE[at % len(HOSTILE)]
        lines.append(
            {
                "id": f"{text}{at}", "utterances": [{"speaker": text, "text": text}], "sticker": gold.id,
                "candidates": [*others, gold.id], "emotion": gold.emotion, "reply_speaker": text,
            }
        )  # fmt: skip
    place = tmp_path / "hostile.jsonl"
    place.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    def systems(conversation):
        generator = np.random.default_rng(len(conversation.id))
        return {name: generator.random(len(stickers)) for name in HOSTILE[:5]}

    out = tmp_path / "out"
    report = evaluate(place, stickers, systems, out=out, resamples=100, show_progress=False)
    return out, report
