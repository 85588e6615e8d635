"""The measured datasets: every row is read, and chance is where arithmetic puts it."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from eval.datasets import open_dataset
from eval.harness import evaluate

DATA = Path(__file__).parents[3] / "shared" / "data"

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(
        not DATA.is_dir(), reason="the measured datasets are not beside the checkout (../shared/data)"
    ),
]


@pytest.fixture(scope="module")
def library():
    rows = map(json.loads, (DATA / "emojipack" / "stickers.jsonl").open(encoding="utf-8"))
    return [
        SimpleNamespace(id=row["id"], emotion=row["emotion"], emoji=row["emoji"], intention=row["intent"])
        for row in rows
    ]


@pytest.mark.parametrize("name, n, field", [("chat-en", 1109, "emotion"), ("tweet-emoji", 5000, "emoji")])
def test_chance_and_the_most_frequent_label(library, name, n, field):
    report = evaluate(
        DATA / name,
        library,
        lambda _: {"constant": np.zeros(len(library))},
        resamples=50,
        show_progress=False,
    )
    assert (report.n_rows, report.n_bad_rows, report.label) == (n, 0, field)
    candidates, matched = report.protocol("candidates"), report.protocol("library")
    assert candidates.n_queries == matched.n_queries == n
    assert candidates.chance.mean["R@1"] == pytest.approx(0.1)
    assert candidates.chance.mean["AP"] == pytest.approx(sum(1 / i for i in range(1, 11)) / 10)
    if field == "emotion":
        # P@1 at chance is the mean share of the library that has the query's label
        share = {
            label: sum(s.emotion == label for s in library) / 882 for label in {s.emotion for s in library}
        }
        labels = [sample.emotion for sample in open_dataset(DATA / name).samples()]
        assert matched.chance.mean["P@1"] == pytest.approx(np.mean([share[label] for label in labels]))
        assert matched.system("most frequent label").mean["P@1"] == pytest.approx(labels.count("neutral") / n)
    else:
        assert matched.chance.mean["P@1"] == pytest.approx(6 / 882)  # six designers drew each emoji


def test_chinese_rows_are_all_read():
    reader = open_dataset(DATA / "chat-zh").samples(strict=True)
    assert sum(1 for _ in reader) == 9435
