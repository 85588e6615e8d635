"""Random, popularity, most frequent: counted by hand, trained by the command, opened without torch."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ranking_worlds import write_native

from retriever.checkpoints import CONFIG, WEIGHTS
from retriever.errors import InputError, ModelError
from retriever.rankers import load_ranker
from retriever.rankers.baselines.plain import FAMILIES, PlainRanker, save_plain
from retriever.types import Conversation, Sticker
from trainers.baselines.plain import count
from trainers.config import find_config, load_config
from trainers.runs import run


def sticker(name: str, **labels: str) -> Sticker:
    return Sticker(name, "p", f"{name}-hash", "", **labels)  # type: ignore[arg-type]


SENT = [sticker("a", emotion="happiness", emoji="❤\ufe0f")] * 3 + [
    sticker("b", emotion="sadness", emoji="😢")
]
TALK = Conversation.from_texts("hello")


def test_popularity_counts_pictures() -> None:
    ranker = count("popularity", SENT)
    features = ranker.encode_stickers([sticker("b"), sticker("c"), sticker("a")])
    assert ranker.score(TALK, features).tolist() == [1, 0, 3]


def test_most_frequent_counts_labels_however_they_are_written() -> None:
    ranker = count("most_frequent", SENT)
    asked = [sticker("x", emotion="sadness"), sticker("y", emotion="happiness"), sticker("z")]
    assert ranker.field == "emotion"
    assert ranker.score(TALK, ranker.encode_stickers(asked)).tolist() == [1, 3, 0]
    emoji = count("most_frequent", SENT, "emoji")
    assert emoji.score(TALK, emoji.encode_stickers([sticker("x", emoji="❤")])).tolist() == [3]
    with pytest.raises(InputError, match="none of the 4 stickers sent has the label 'intention'"):
        count("most_frequent", SENT, "intention")


def test_random_is_even_steady_and_another_order_for_each_conversation() -> None:
    ranker = PlainRanker("random", seed=1)
    features = ranker.encode_stickers([sticker(str(at)) for at in range(20)])
    rows = [ranker.score(Conversation.from_texts(f"talk {at}"), features) for at in range(500)]
    first = np.bincount([int(row.argmax()) for row in rows], minlength=20)
    assert first.min() >= 8 and first.max() <= 50  # 25 each, within 4 standard deviations or so
    values = np.concatenate(rows)
    assert values.min() >= 0 and values.max() < 1 and values.mean() == pytest.approx(0.5, abs=0.02)
    again = ranker.encode_stickers([sticker("7")])
    assert ranker.score(Conversation.from_texts("talk 3"), again)[0] == rows[3][7]
    other = PlainRanker("random", seed=2).score(Conversation.from_texts("talk 3"), features)
    assert not np.array_equal(other, rows[3])


@pytest.mark.parametrize("family", FAMILIES)
def test_saved_and_loaded_it_scores_the_same(family: str, tmp_path: Path) -> None:
    ranker = count(family, SENT, seed=5)  # type: ignore[arg-type]
    save_plain(tmp_path, ranker)
    loaded = load_ranker(tmp_path)
    asked = [*SENT, sticker("new", emotion="fear")]
    assert loaded.family == family and loaded.model_id.startswith(f"{family}-")
    before = ranker.score(TALK, ranker.encode_stickers(asked))
    assert np.array_equal(before, loaded.score(TALK, loaded.encode_stickers(asked)))
    (tmp_path / WEIGHTS).write_bytes(b"torn")
    with pytest.raises(ModelError, match=f"no readable {family} checkpoint"):
        load_ranker(tmp_path)
    save_plain(tmp_path, ranker)
    config = json.loads((tmp_path / CONFIG).read_text())
    (tmp_path / CONFIG).write_text(json.dumps({**config, "field": "smell"}))
    with pytest.raises(ModelError, match="smell"):
        load_ranker(tmp_path)


def test_they_are_counted_by_the_same_command_as_all_others(tmp_path: Path) -> None:
    write_native(tmp_path / "data")
    metrics = {}
    for family in FAMILIES:
        settings = {"data.cache": str(tmp_path / "cache"), "train.device": "cpu"}
        loaded = load_config(find_config(f"baselines/{family}"), settings, str(tmp_path / "data"))
        outcome = run(loaded, tmp_path / family, False)
        assert outcome.finished and load_ranker(outcome.checkpoint).family == family
        metrics[family] = outcome.metrics
        assert (outcome.checkpoint / "README.md").is_file()
    assert metrics["random"]["MAP"] < 60 and metrics["popularity"] != metrics["most_frequent"]


def test_they_open_without_torch(tmp_path: Path) -> None:
    save_plain(tmp_path, count("popularity", SENT))
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from retriever.rankers import load_ranker\n"
        f"print(load_ranker({str(tmp_path)!r}).family)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "popularity"
