"""A small world for the harness: nine stickers in three emotions, conversations that say their emotion."""

import json
from types import SimpleNamespace

import numpy as np

EMOTIONS = ("happiness", "sadness", "anger")

LIBRARY = [
    SimpleNamespace(id=f"pack/{emotion}-{i}", emotion=emotion, emoji=None, intention=None)
    for i in range(3)
    for emotion in EMOTIONS
]


def rows(n, seed=0):
    """Dataset rows whose text is the emotion; happiness is as frequent as the two others together."""
    rng = np.random.default_rng(seed)
    for i in range(n):
        emotion = EMOTIONS[int(rng.choice(3, p=[0.5, 0.25, 0.25]))]
        gold = f"pack/{emotion}-{rng.integers(3)}"
        others = [sticker.id for sticker in LIBRARY if sticker.emotion != emotion]
        candidates = [gold, *rng.choice(others, 4, replace=False).tolist()]
        rng.shuffle(candidates)
        yield {
            "id": f"q{i}", "utterances": [f"{emotion} {i}"], "sticker": gold,
            "candidates": candidates, "emotion": emotion,
        }  # fmt: skip


def write_dataset(folder, n=200, train=50):
    folder.mkdir(parents=True, exist_ok=True)
    for split, size, seed in (("valid", n, 0), ("train", train, 1)):
        if size:
            lines = [json.dumps(row) + "\n" for row in rows(size, seed)]
            (folder / f"{split}.jsonl").write_text("".join(lines))
    return folder


def knows(conversation):
    """Scores 1 for the emotion that the conversation says."""
    said = conversation.utterances[-1].text.split()[0]
    return np.array([float(sticker.emotion == said) for sticker in LIBRARY])


def noise(conversation):
    """Reproducible nonsense."""
    seed = int(conversation.id.removeprefix("q"))
    return np.random.default_rng(seed).random(len(LIBRARY))


def both(conversation):
    return {"knows": knows(conversation), "noise": noise(conversation)}
