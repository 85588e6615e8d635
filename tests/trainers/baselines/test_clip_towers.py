"""CLIP's two kinds of encoder, from nothing, in the families that take them: they train and save."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_baselines import TEXT, tiny_data, tiny_task, uneven

from retriever.errors import InputError
from retriever.rankers import load_ranker
from retriever.rankers.baselines.config import CONFIGS
from retriever.rankers.baselines.ranker import BaselineRanker
from trainers.baselines.task import BaselineTask
from trainers.loop import train
from trainers.loop.logs import read_log
from trainers.ranking.scoring import score_samples
from trainers.task import Shard

IMAGE = {
    "model": "open_clip:tiny",
    "size": 16,
    "options": {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 16, "patch_size": 8, "width": 32, "layers": 1, "head_width": 16},
        "quick_gelu": True,
    },
}
CLIP_TEXT = {**TEXT, "kind": "clip", "activation": "quick_gelu"}
TOWERS = {"image": IMAGE, "text": CLIP_TEXT}
FAMILIES = ("clip", "irra", "lgur", "pcme")


def clip_task(family: str, **parts: Any) -> BaselineTask:
    return tiny_task(family, model=TOWERS, **parts)


def scores(ranker: BaselineRanker, task: BaselineTask, size: int = 32) -> list[np.ndarray]:
    return score_samples(ranker, task.valid.samples, task.valid.stickers, size)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_parameter_learns(family: str) -> None:
    task = clip_task(family)
    terms = task.module.train()(next(iter(task.batches(0, 0, Shard()))))
    sum(task.weights[name] * value for name, value in terms.items()).backward()
    idle = {
        name
        for name, parameter in task.module.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    }
    assert idle == set()


@pytest.mark.parametrize("family", FAMILIES)
def test_padding_and_neighbours_do_not_change_scores(family: str) -> None:
    task = clip_task(family, data=uneven(tiny_data()))
    one, many = scores(task.ranker(), task, 1), scores(task.ranker(), task, 100)
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(one, many, strict=True))


def test_it_learns_and_its_checkpoint_scores_the_same(tmp_path: Path) -> None:
    options = {"epochs": 80, "lr": 5e-3, "final_lr": 2e-3, "device": "cpu", "eval_every": 40, "log_every": 40}
    task = clip_task("clip", train=options)
    assert train(task, task.settings.train, tmp_path / "run", False).finished
    assert max(row["R@1"] for row in read_log(tmp_path / "run/log.jsonl") if row["kind"] == "valid") >= 75
    place = tmp_path / "now"
    place.mkdir()
    task.save(place, {})
    again = load_ranker(place, "cpu")
    assert isinstance(again, BaselineRanker)
    first, second = scores(task.ranker(), task), scores(again, task)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True)) and np.ptp(first[0]) > 1e-3


def test_irra_hides_words_of_a_clip() -> None:
    """[MASK] is no marker that padding or ends are, and ends are never hidden."""
    task = clip_task("irra")
    batch = next(iter(task.batches(0, 0, Shard())))
    torch.manual_seed(0)
    assert float(task.module(batch)["mlm"].detach()) > 0
    ids, mask = batch.text["ids"], batch.text["mask"]
    last = ids[torch.arange(len(ids)), mask.sum(1) - 1]
    assert set(last.tolist()) == {task.pieces.markers[2]} and task.pieces.mask not in ids


def test_families_that_read_words_refuse_them() -> None:
    with pytest.raises(ValueError, match="srs reads words"):
        tiny_task("srs", model={"text": CLIP_TEXT})
    with pytest.raises(ValueError, match="mod_gpt starts from"):
        tiny_task("mod_gpt", model={"text": CLIP_TEXT})
    with pytest.raises(InputError, match="timm has no model"):
        tiny_task("srs", model={"image": IMAGE})
    for wrong, told in (
        ({**CLIP_TEXT, "pool": "mean"}, "at its end alone"),
        ({**CLIP_TEXT, "reading": "speakers"}, "speakers' marks"),
        ({**TEXT, "activation": "quick_gelu"}, "has 'gelu'"),
    ):
        with pytest.raises(ValueError, match=told):
            CONFIGS["clip"].model_validate({"text": wrong})
