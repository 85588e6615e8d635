"""What lists of candidates say by themselves, worked out by hand and found in data made to have it."""

import io

import numpy as np
import pytest
from curation_worlds import write_world
from format_worlds import write_rows
from rich.console import Console

from eval.curation.giveaway import give_away
from eval.curation.inspect import inspect
from eval.curation.tables import to_rich
from eval.datasets import Sample
from retriever.types import Conversation

LABELS = {
    "j1": "joy",
    "j2": "joy",
    "j3": "joy",
    "n1": "neutral",
    "n2": "neutral",
    "a1": "anger",
    "f1": "fear",
}


def sample(gold, *candidates):
    return Sample(Conversation.from_texts("hi"), gold=gold, candidates=candidates)


def test_by_hand():
    samples = [
        sample("n1", "n1", "j1", "j2", "a1"),  # joy stands twice; of neutral and anger, neutral is sent more
        sample("a1", "n1", "j1", "j2", "a1"),  # the same list, and wrong
        sample("f1", "j1", "f1"),  # both once, joy is the commonest
        sample(
            "j1", "j1", "j2", "n1", "n2"
        ),  # nothing stands once: a guess among four, and joy's two by count
    ]
    found = give_away(samples, "emotion", LABELS, {"j1": 5, "j2": 1, "n2": 3, "a1": 2, "elsewhere": 99})
    assert (found.rows, found.alone) == (4, 0.75)
    assert found.common == pytest.approx((0 + 0 + 0 + 1 / 2) / 4)
    assert found.ruled_out == pytest.approx((1 + 0 + 0 + 1 / 4) / 4)
    assert found.suspicious


def test_lists_that_cannot_be_judged_are_left_out():
    nobody = [
        sample("j1", "j1", "unlabelled"),
        sample("j1", "n1", "a1"),
        Sample(Conversation.from_texts("hi"), gold="j1"),
        Sample(Conversation.from_texts("hi"), candidates=("j1", "n1")),
    ]
    assert give_away(nobody, "emotion", LABELS, {"j1": 1}) is None
    assert give_away([*nobody, sample("j1", "j1", "n1")], "emotion", LABELS, {"j1": 1}).rows == 1


def test_negatives_of_another_label_are_told_of_and_random_ones_are_not(tmp_path):
    world = write_world(tmp_path / "world")
    ids = [f"p/{number}" for number in range(20)]
    emotion = {id_: ("anger", "fear", "happiness")[at % 3] for at, id_ in enumerate(ids)}
    rng = np.random.default_rng(0)
    for name, other in (("valid", True), ("test", False)):
        rows = []
        for at in range(300):
            gold = ids[rng.integers(20)]
            pool = [id_ for id_ in ids if id_ != gold and (emotion[id_] != emotion[gold] or not other)]
            candidates = [gold, *rng.choice(pool, 4, replace=False).tolist()]
            row = {"id": f"{name}{at}", "utterances": [f"{name} {at}"], "sticker": gold}
            rows.append({**row, "emotion": emotion[gold], "candidates": candidates})
        write_rows(world / f"{name}.jsonl", *rows)
    found = inspect(world, images=False)
    lists = found.as_dict()["lists"]
    assert lists["valid"]["gold_label_alone"] == 1.0
    assert lists["valid"]["commonest_label_of_those_alone"] > lists["valid"]["commonest_label"] + 0.2
    assert lists["test"]["gold_label_alone"] < 0.6
    assert lists["test"]["commonest_label_of_those_alone"] < lists["test"]["commonest_label"] + 0.02
    console = Console(width=200, file=io.StringIO())
    console.print(to_rich(found))
    said = console.file.getvalue()
    assert "valid: lists give their gold away: in 100% no other candidate has its emotion" in said
    assert "test: lists give" not in said
