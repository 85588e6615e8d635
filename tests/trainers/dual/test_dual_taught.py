"""What other rankers say of rows: asked once, put together as written here, and learnt."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from dual_world import make_config

from eval.datasets import open_dataset
from retriever.errors import InputError, ModelError
from retriever.labels import EMOTIONS
from retriever.rankers import load_ranker
from retriever.rankers.dual.ranker import DualRanker
from retriever.types import Conversation
from trainers.dual.config import DualConfig
from trainers.dual.data import examples
from trainers.dual.task import DualTask
from trainers.dual.taught import TEMPERATURE, soft_labels, taught_loss
from trainers.families.registry import family
from trainers.loop import train
from trainers.task import Shard

World = tuple[DualConfig, list[str]]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world and two rankers that have seen it, with different seeds."""
    root = tmp_path_factory.mktemp("taught")
    config, teachers = make_config(root, epochs=6), []
    for seed in (1, 2):
        own = config.model_copy(update={"train": config.train.model_copy(update={"seed": seed})})
        folder = root / f"teacher{seed}"
        outcome = train(DualTask(own, folder / "work"), own.train, folder, show_progress=False)
        teachers.append(str(outcome.checkpoint))
    return config, teachers


@pytest.fixture
def talks(world: World) -> list[Conversation]:
    path = world[0].sources["posts"].path
    return [sample.conversation for sample in open_dataset(path, "train").samples()]


def with_teachers(config: DualConfig, source: str, **taught: Sequence[str]) -> DualConfig:
    own = config.sources[source].model_copy(update={"taught": {k: tuple(v) for k, v in taught.items()}})
    return config.model_copy(update={"sources": {**config.sources, source: own}})


def test_a_ranker_reads_with_its_tower_alone(world: World, talks: list[Conversation]) -> None:
    ranker = load_ranker(Path(world[1][0]))
    assert isinstance(ranker, DualRanker)
    said = ranker.read(talks[:3])
    assert {kind: said[kind].shape for kind in said} == {
        kind: (3, len(labels)) for kind, labels in ranker.labels.items()
    }
    for kind in said:
        np.testing.assert_allclose(np.exp(said[kind]).sum(1), 1, atol=1e-5)
    pooled = ranker.text.conversations([talks[1]])[0]
    alone = ranker._log_probabilities(talks[1], ranker._seen(talks[1], pooled))
    np.testing.assert_allclose(said["emoji"][1], alone[3], atol=1e-5)


def test_two_teachers_say_their_mean(world: World, talks: list[Conversation], tmp_path: Path) -> None:
    first, second = (
        soft_labels([teacher], "emotion", EMOTIONS, talks, tmp_path).astype(np.float64)
        for teacher in world[1]
    )
    assert not np.allclose(first, second)
    both = soft_labels(world[1], "emotion", EMOTIONS, talks, tmp_path)
    product = np.sqrt(np.exp(first) * np.exp(second))
    np.testing.assert_allclose(np.exp(both), product / product.sum(1, keepdims=True), atol=1e-6)


def test_answers_are_in_the_order_of_the_students_labels(
    world: World, talks: list[Conversation], tmp_path: Path
) -> None:
    backwards = soft_labels(world[1][:1], "emotion", EMOTIONS[::-1], talks, tmp_path)
    forwards = soft_labels(world[1][:1], "emotion", EMOTIONS, talks, tmp_path)
    np.testing.assert_allclose(backwards[:, ::-1], forwards, atol=1e-6)


def test_only_what_is_missing_is_asked(
    world: World, talks: list[Conversation], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    read = DualRanker.read

    def counting(self: DualRanker, conversations: Sequence[Conversation]) -> Any:
        asked.append(len(conversations))
        if len(asked) == 2:
            raise KeyboardInterrupt
        return read(self, conversations)

    monkeypatch.setattr(DualRanker, "read", counting)
    monkeypatch.setattr("trainers.dual.taught._AT_ONCE", 4)
    with pytest.raises(KeyboardInterrupt):
        soft_labels(world[1][:1], "emotion", EMOTIONS, talks, tmp_path)
    soft_labels(world[1][:1], "emotion", EMOTIONS, talks, tmp_path)
    assert sum(asked) == len(talks) + 4  # the four of the call that was stopped are asked again
    before = len(asked)
    soft_labels(world[1][:1], "emotion", EMOTIONS, talks, tmp_path)
    assert len(asked) == before
    for change in ({"mode": "reply"}, {"reply_speaker": talks[0].utterances[0].speaker}):
        other = [replace(talks[0], **change), *talks[1:]]
        assert other[0] != talks[0]
        soft_labels(world[1][:1], "emotion", EMOTIONS, other, tmp_path)
        assert len(asked) > before  # other rows have answers of their own
        before = len(asked)


def test_two_runs_that_ask_at_once_lose_no_answer(
    world: World, talks: list[Conversation], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, alone = DualRanker.read, soft_labels(world[1][:1], "emotion", EMOTIONS, talks, tmp_path / "alone")
    nested: list[np.ndarray] = []
    flush = np.memmap.flush

    def meanwhile(self: "np.memmap[Any, Any]") -> None:
        """Another run asks the same between the empty file and its name."""
        if not nested:
            nested.append(np.empty(0))
            nested.append(soft_labels(world[1][:1], "emotion", EMOTIONS, talks, tmp_path / "both"))
        flush(self)

    asked: list[int] = []

    def counting(self: DualRanker, conversations: Sequence[Conversation]) -> Any:
        asked.append(len(conversations))
        return read(self, conversations)

    monkeypatch.setattr(np.memmap, "flush", meanwhile)
    monkeypatch.setattr(DualRanker, "read", counting)
    np.testing.assert_array_equal(
        soft_labels(world[1][:1], "emotion", EMOTIONS, talks, tmp_path / "both"), alone
    )
    np.testing.assert_array_equal(nested[1], alone)
    assert sum(asked) == len(talks)  # the first finds what the other was told meanwhile
    assert len(list((tmp_path / "both").iterdir())) == 1


def test_the_loss_is_the_divergence_written_out() -> None:
    said = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]]).log()
    wanted = torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]]).log()
    wanted[2] = float("nan")

    def soft(row: Sequence[float]) -> list[float]:
        roots = [value ** (1 / TEMPERATURE) for value in row]
        return [root / sum(roots) for root in roots]

    p, q = soft([0.5, 0.25, 0.25]), soft([0.7, 0.2, 0.1])
    divergence = sum(a * float(np.log(a / b)) for a, b in zip(p, q, strict=True))
    found = taught_loss({"emotion": said, "emoji": said}, {"emotion": wanted})
    assert float(found) == pytest.approx(TEMPERATURE**2 * divergence / 2, rel=1e-5)  # two rows are known
    assert float(taught_loss({"emotion": said}, {"emotion": said})) == pytest.approx(0, abs=1e-6)
    nothing = torch.full((3, 3), float("nan"))
    assert float(taught_loss({"emotion": said}, {"emotion": nothing})) == 0


def test_a_student_comes_to_say_what_its_teachers_say(world: World, tmp_path: Path) -> None:
    config = with_teachers(world[0], "posts", emotion=world[1], emoji=world[1][:1])
    alone = dict.fromkeys(("emotion", "emoji", "intention", "retrieval", "domain", "anchor"), 0.0)
    config = config.model_copy(update={"weights": alone})  # nothing else to learn from
    task = DualTask(config, tmp_path / "run" / "work")
    batches = list(task.batches(0, 0, Shard()))
    assert {tuple(batch.taught) for batch in batches} == {(), ("emotion", "emoji")}
    train(task, config.train, tmp_path / "run", show_progress=False)
    rows = map(json.loads, (tmp_path / "run" / "log.jsonl").read_text().splitlines())
    said = [row["taught"] for row in rows if row["kind"] == "train" and "taught" in row]
    assert np.mean(said[-3:]) < 0.5 * np.mean(said[:3])

    # posts say nothing of emotions: who was not taught them has to guess
    samples = list(open_dataset(config.sources["posts"].path, "train").samples())
    wanted = soft_labels(world[1], "emotion", EMOTIONS, [s.conversation for s in samples], tmp_path)
    found = task._parts(list(examples(samples, task.tokens, config.buckets, "posts"))).emotion
    assert (found.argmax(1).numpy() == wanted.argmax(1)).mean() > 0.9


def test_rows_are_taught_what_was_said_of_them(world: World, tmp_path: Path) -> None:
    config = with_teachers(world[0], "posts", emoji=world[1][:1])
    task = DualTask(config, tmp_path / "work")
    samples = list(open_dataset(config.sources["posts"].path, "train").samples())
    said = soft_labels(world[1][:1], "emoji", task.emoji, [s.conversation for s in samples], tmp_path / "own")
    by_row = {
        tuple(example.row.ids): answer
        for example, answer in zip(examples(samples, task.tokens, config.buckets, "posts"), said, strict=True)
    }
    seen = 0
    for batch in task.batches(0, 0, Shard()):
        for ids, mask, answer in zip(batch.ids, batch.mask, batch.taught.get("emoji", ()), strict=False):
            np.testing.assert_allclose(answer, by_row[tuple(ids[mask.bool()].tolist())], atol=1e-5)
            seen += 1
    assert seen > 5


def test_other_runs_need_not_ask_again(
    world: World, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = with_teachers(world[0], "posts", emoji=world[1])
    DualTask(config, tmp_path / "one")
    assert len(list(cache.rglob("*.npy"))) == 2

    def deaf(*_: object) -> None:
        raise AssertionError("asked again")

    monkeypatch.setattr(DualRanker, "read", deaf)
    DualTask(config, tmp_path / "two")


def test_a_teacher_of_other_labels(world: World, tmp_path: Path, talks: list[Conversation]) -> None:
    with pytest.raises(InputError, match=r"other labels of emoji than the data have: .* expected 1 "):
        soft_labels(world[1][:1], "emoji", ["🦄"], talks, tmp_path)


def test_a_teacher_that_is_not_there(world: World, tmp_path: Path) -> None:
    config = with_teachers(world[0], "posts", emoji=[str(tmp_path / "nobody")])
    with pytest.raises((InputError, ModelError), match="nobody"):
        DualTask(config, tmp_path / "work")


def test_a_run_says_who_taught_it(world: World, tmp_path: Path) -> None:
    config = with_teachers(world[0], "posts", emoji=world[1][:1])
    dual = family("dual")
    built = dual.build(dual.config(**config.model_dump()), tmp_path / "work", False)
    assert (
        built.data["teacher " + "/".join(Path(world[1][0]).parts[-2:])]
        in load_ranker(Path(world[1][0])).model_id
    )
