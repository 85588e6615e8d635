"""Evaluations to report on, small and real: made by the harness, hostile where that is wanted."""

import json
from types import SimpleNamespace

import numpy as np
from eval_worlds import EMOTIONS, LIBRARY, both, write_dataset

from eval.harness import evaluate

HOSTILE = (
    "<script>alert(1)</script>",
    '=HYPERLINK("http://evil","x")',
    "\\input{/etc/passwd} $x$ %",
    "a|b `c` [d](javascript:e) _f_",
    "\u202egnp.exe\u202c \ud83d <b>",
    "名字 " + "long " * 40,
)


def plain_world(tmp_path, n=120, **options):
    """(folder, report) of two systems on three emotions."""
    out = tmp_path / "out"
    report = evaluate(
        write_dataset(tmp_path / "world", n),
        LIBRARY,
        both,
        out=out,
        resamples=200,
        show_progress=False,
        **options,
    )
    return out, report


def hostile_world(tmp_path, n=30):
    """(folder, report) where all text tries to be something else; every sticker has a picture."""
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


def rich_world(tmp_path, n=150, systems=both, **options):
    """(folder, report) with everything that figures are drawn from, costs made up."""
    from dataclasses import replace

    from eval.results import Cost

    stickers = [
        SimpleNamespace(**vars(sticker), attributes=SimpleNamespace(verbal="hi" if at % 2 else ""))
        for at, sticker in enumerate(LIBRARY)
    ]
    place = write_dataset(tmp_path / "rich", n)
    lines = [json.loads(line) for line in (place / "valid.jsonl").read_text().splitlines()]
    for at, line in enumerate(lines):
        line["utterances"] = ["well"] * (at % 5) + line["utterances"]
    (place / "valid.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    train = [json.loads(line) for line in (place / "train.jsonl").read_text().splitlines()]
    kept = [line for line in train if line["sticker"][-1] != "0"]
    (place / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in kept))
    out = tmp_path / "out"
    report = evaluate(
        place, stickers, systems, out=out, resamples=100, show_progress=False,
        sentiment=lambda conversation: len(conversation.id) % 4 / 3, **options,
    )  # fmt: skip
    names = [system.name for system in report.protocols[0].systems]
    costs = {
        name: Cost(
            n=n, ms_median=0.5 * 3**at, ms_mean=1.0, calls=at, calls_per_1000=1000.0, price_per_1000=0.1 + at
        )
        for at, name in enumerate(names)
    }
    return out, replace(report, costs=costs)
