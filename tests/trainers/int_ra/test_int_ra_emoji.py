"""Int-RA that expects emoji: classes come from training samples, their texts are Unicode's names."""

from dataclasses import replace

import numpy as np
import pytest
from tiny_int_ra import SHAPE, tiny_config, tiny_data

from retriever.errors import InputError, ModelError
from retriever.rankers import load_ranker
from retriever.rankers.int_ra.config import IntRAModelConfig
from retriever.types import Sticker
from trainers.int_ra.batch import label_numbers
from trainers.int_ra.losses import UNKNOWN
from trainers.int_ra.task import IntRATask
from trainers.loop import train
from trainers.loop.logs import read_log

SENT = ("❤️", "😂", "☀", "🇺🇸")


def emoji_data():
    """Samples that mean a colour's emoji, its heart with a variation selector; every seventh has none."""
    data = tiny_data()
    samples = [
        replace(sample, emotion=None, intention=None, emoji=None if at % 7 == 6 else SENT[at % 8 // 2])
        for at, sample in enumerate(data.samples)
    ]
    return replace(data, samples=samples)


def emoji_task(data=None, **parts):
    data = data or emoji_data()
    return IntRATask(tiny_config({"labels": "emoji", **parts.pop("model", {})}, **parts), data, data)


def test_the_classes_are_those_of_training_by_how_often_they_are_sent():
    data = emoji_data()
    task = emoji_task(data)
    # colours 2 and 3 have lost a sample each (13 and 6), so they come last
    assert task.config.model.classes == ("❤", "😂", "☀", "🇺🇸")
    assert task.config.model.label_texts == (
        "heavy black heart",
        "face with tears of joy",
        "black sun with rays",
        "regional indicator symbol letter u  regional indicator symbol letter s",
    )
    numbers = label_numbers(data.samples, task.config.model)
    assert numbers[:8].tolist() == [0, 0, 1, 1, 2, 2, UNKNOWN, 3]
    assert task.notes["train/without_emoji"] == 2


def test_it_learns_them_saves_and_expects_them(tmp_path):
    schedule = {"epochs": 60, "lr": 3e-3, "final_lr": 3e-4, "eval_every": 60, "device": "cpu", "log_every": 1}
    task = emoji_task(batch={"size": 16}, train=schedule)
    assert train(task, task.config.train, tmp_path / "run", False).finished
    rows = read_log(tmp_path / "run" / "log.jsonl")
    first, *_, last = (row for row in rows if row["kind"] == "train")
    assert last["intention"] < 0.5 * first["intention"]
    assert next(row for row in rows if row["kind"] == "valid")["intention_accuracy"] >= 90  # by chance 25
    opened = load_ranker(tmp_path / "run" / "best", "cpu")
    talk = task.train.samples[0].conversation
    said = opened.expected(talk)["emoji"]
    assert set(said) == {"❤", "😂", "☀", "🇺🇸"} and max(said, key=said.get) == "❤"
    assert sum(said.values()) == pytest.approx(1)
    vectors = task.ranker().encode(task.train.stickers.images, task.texts).vector.cpu().numpy()
    scores = [one.cosines([talk], vectors) for one in (task.ranker(), opened)]
    assert np.array_equal(*scores)
    config = (tmp_path / "run" / "best" / "config.json").read_text(encoding="utf-8")
    for wrong in ('"classes": []', '"classes": ["a"]'):
        start = config.index('"classes": [')
        broken = config[:start] + wrong + config[config.index("]", start) + 1 :]
        (tmp_path / "run" / "best" / "config.json").write_text(broken, encoding="utf-8")
        with pytest.raises(ModelError):
            load_ranker(tmp_path / "run" / "best", "cpu")


def test_what_cannot_be_is_refused():
    bare = replace(tiny_data(), samples=[replace(sample, emoji=None) for sample in tiny_data().samples])
    with pytest.raises(InputError, match="'emoji', and none of 16 training samples has one"):
        emoji_task(bare)
    for wrong, told in (
        ({"classes": ("😂",)}, "classes are those of"),
        ({"labels": "emoji", "classes": ("😂", "😂")}, "twice"),
    ):
        with pytest.raises(ValueError, match=told):
            IntRAModelConfig.model_validate({**SHAPE, **wrong})


def test_own_classes_stay_and_a_sticker_is_judged_by_its_emoji():
    task = emoji_task(model={"classes": ("😂", "🦊")})
    assert task.config.model.classes == ("😂", "🦊")
    assert label_numbers(task.train.samples, task.config.model).tolist().count(0) == 4
    from eval.labels import label_of

    assert label_of(Sticker("a", "p", "", "", emoji="❤️"), "emoji") == "❤"
