"""The task in the real loop: it learns, resumes, saves what inference opens, orders batches as it says."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_pbr import tiny_config, tiny_data

from retriever.rankers import load_ranker
from retriever.rankers.pbr.ranker import PBRRanker
from trainers.loop import train
from trainers.loop.logs import read_log
from trainers.pbr.task import PBRTask
from trainers.ranking.measure import measure
from trainers.ranking.scoring import score_samples
from trainers.task import Shard

SCHEDULE: dict[str, Any] = {"lr": 3e-3, "final_lr": 3e-4, "device": "cpu", "log_every": 1}


def make_task(work: Path | None = None, **parts: Any) -> PBRTask:
    data = tiny_data()
    return PBRTask(tiny_config(**parts), data, data, work)


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> tuple[PBRTask, Path]:
    """A full PBR that has learnt its sixteen samples by heart, and its run's folder."""
    schedule = {**SCHEDULE, "epochs": 160, "eval_every": 40}
    task = make_task(batch={"size": 16}, train=schedule)
    folder = tmp_path_factory.mktemp("learnt")
    outcome = train(task, task.config.train, folder, False)
    assert outcome.finished
    return task, folder


def test_it_learns_sixteen_samples_by_heart(learnt: tuple[PBRTask, Path]) -> None:
    _, folder = learnt
    rows = read_log(folder / "log.jsonl")
    first, *_, last = (row for row in rows if row["kind"] == "train")
    assert last["t2i"] < 0.3 * first["t2i"] and last["match"] < 0.8 * first["match"]
    assert last["ekd"] < 0.6 * first["ekd"] and last["inter"] < 0.6 * first["inter"]
    best = max(row["R@1"] for row in rows if row["kind"] == "valid")
    assert best >= 90  # by chance 25


def test_the_best_checkpoint_opens_and_scores_the_same(learnt: tuple[PBRTask, Path]) -> None:
    task, folder = learnt
    ranker = load_ranker(folder / "best", device="cpu")
    assert isinstance(ranker, PBRRanker) and ranker.family == "pbr"
    names = ranker.model.state_dict().keys()
    assert not any("emotion" in name or "contrast" in name for name in names)
    scores = score_samples(ranker, task.valid.samples, task.valid.stickers)
    best = max(row["R@1"] for row in read_log(folder / "log.jsonl") if row["kind"] == "valid")
    assert measure(task.valid.samples, scores)["R@1"] == best


def test_saved_and_loaded_scores_are_equal(tmp_path: Path) -> None:
    task = make_task()
    folder = tmp_path / "saved"
    folder.mkdir()
    task.save(folder, {"R@1": 1.0})
    ranker = load_ranker(folder, device="cpu")
    assert isinstance(ranker, PBRRanker)
    before = score_samples(task.ranker(), task.valid.samples, task.valid.stickers)
    after = score_samples(ranker, task.valid.samples, task.valid.stickers)
    assert np.allclose(before, after, atol=1e-5)


def test_the_size_of_a_chunk_does_not_change_scores() -> None:
    task = make_task()
    samples = list(task.valid.samples)
    samples[3] = replace(samples[3], candidates=(samples[3].sticker, None), gold=0)
    samples[7] = replace(samples[7], candidates=(*samples[7].candidates, "red/black"))
    one = score_samples(task.ranker(), samples, task.valid.stickers, size=1)
    many = score_samples(task.ranker(), samples, task.valid.stickers, size=100)
    assert [len(row) for row in one] == [len(sample.candidates) for sample in samples]
    for a, b in zip(one, many, strict=True):
        assert np.allclose(a, b, atol=1e-5)


def test_measured_by_hand() -> None:
    samples = tiny_data(3).samples  # golds at places 0, 1, 2
    scores = [np.array([3.0, 1, 2, 0]), np.array([3.0, 1, 2, 0]), np.array([1.0, 1, 1, 1])]
    found = measure(samples, scores)
    # ranks 1 and 3, and a tie of four: 1/4 of a hit at 1, 1/2 at 2, mean reciprocal rank 25/48
    assert found["R@1"] == pytest.approx(100 * (1 + 0 + 0.25) / 3)
    assert found["R@2"] == pytest.approx(100 * (1 + 0 + 0.5) / 3)
    assert found["R@5"] == 100
    assert found["MAP"] == pytest.approx(100 * (1 + 1 / 3 + 25 / 48) / 3)


def test_batches_are_a_function_of_seed_and_epoch() -> None:
    task = make_task(batch={"size": 3})

    def ids(epoch: int, start: int = 0, shard: Shard = Shard()) -> list[list[int]]:  # noqa: B008
        return [batch.rows.tolist() for batch in task.batches(epoch, start, shard)]

    assert task.steps(Shard()) == 5 and len(ids(0)) == 5
    assert ids(1) == ids(1) and ids(1) != ids(0)
    assert ids(2, start=3) == ids(2)[3:]
    halves = [ids(0, shard=Shard(index, 2)) for index in range(2)]
    assert [len(half) for half in halves] == [2, 2] == [task.steps(Shard(i, 2)) for i in range(2)]
    assert halves[0] + halves[1] == [ids(0)[at] for at in (0, 2, 1, 3)]


def test_every_sample_comes_once_and_buckets_pad_less() -> None:
    data = tiny_data(64)
    samples = list(data.samples)
    for at in range(0, 64, 2):  # half of them long
        turns = samples[at].conversation.utterances * 3
        samples[at] = replace(samples[at], conversation=replace(samples[at].conversation, utterances=turns))
    data = replace(data, samples=samples)
    widths = {}
    for bucket in (1, 8):
        task = PBRTask(tiny_config(batch={"size": 8, "bucket": bucket}), data, data)
        plan = task._plan(0)
        assert sorted(plan.flatten().tolist()) == list(range(64))
        widths[bucket] = sum(batch.ids.numel() for batch in task.batches(0, 0, Shard()))
    assert widths[8] < widths[1]


def test_a_run_that_stopped_goes_on_with_the_losses_it_would_have_had(tmp_path: Path) -> None:
    def losses(folder: Path, *stops: int) -> list[float]:
        for steps in stops:
            schedule = {**SCHEDULE, "epochs": 2, "save_every": 1}
            task = make_task(folder / "work", train=schedule)
            # a constant rate: the schedule must not depend on where a run stops
            changes = {"final_lr": task.config.train.lr, "max_steps": steps or None}
            options = task.config.train.model_copy(update=changes)
            train(task, options, folder / "run", False)
        rows = read_log(folder / "run" / "log.jsonl")
        return [row["total"] for row in rows if row["kind"] == "train"]

    whole = losses(tmp_path / "whole", 0)
    broken = losses(tmp_path / "broken", 3, 5, 0)
    assert len(whole) == 8 and broken == pytest.approx(whole, abs=1e-6)


def test_published_weights_may_learn_more_slowly() -> None:
    task = make_task(pretrained_scale=0.1)
    task.pretrained = frozenset({"model.text.words.weight"})
    groups = {group["scale"]: group for group in task.parameter_groups() if group.get("weight_decay") != 0}
    assert groups[0.1]["params"] == [task.module.model.text.words.weight]
    count = sum(len(group["params"]) for group in task.parameter_groups())
    assert count == len(list(task.module.parameters()))
    plain = [group for group in task.parameter_groups() if group.get("weight_decay") == 0]
    assert all(parameter.ndim < 2 for group in plain for parameter in group["params"])


def test_the_temperature_is_kept_within_bounds() -> None:
    task = make_task()
    for wrong, right in ((-1.0, 0.001), (3.0, 0.5)):
        task.module.model.temperature.data = torch.tensor(wrong)
        task.before_step(0)
        assert task.module.model.temperature.item() == pytest.approx(right)
