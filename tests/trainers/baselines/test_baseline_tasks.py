"""Every baseline in the real loop: it learns, resumes, and saves what inference opens."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_baselines import FAMILIES, TEXT, tiny_data, tiny_settings, tiny_task, uneven

from retriever.checkpoints import CONFIG, WEIGHTS
from retriever.errors import InputError, ModelError
from retriever.rankers import load_ranker
from retriever.rankers.base import take
from retriever.rankers.baselines.ranker import BaselineRanker
from retriever.types import Conversation, Sticker
from trainers.baselines.labels import identities, meanings
from trainers.baselines.task import BaselineTask
from trainers.loop import train
from trainers.loop.logs import read_log
from trainers.ranking.scoring import score_samples
from trainers.task import Shard

STEPS, RATES = 120, {"mod_gpt": 3e-3, "pcme": 3e-3}


def scores(ranker: BaselineRanker, task: BaselineTask, size: int = 32) -> list[np.ndarray]:
    return score_samples(ranker, task.valid.samples, task.valid.stickers, size)


def schedule(epochs: int, **more: Any) -> dict[str, Any]:
    return {"epochs": epochs, "lr": 5e-3, "final_lr": 2e-3, "device": "cpu", "log_every": 1, **more}


@pytest.fixture(scope="module", params=FAMILIES)
def learnt(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[BaselineTask, Path]:
    """A family that has learnt its eight samples by heart, and its run's folder."""
    options = schedule(STEPS, eval_every=STEPS // 4, lr=RATES.get(request.param, 5e-3))
    task = tiny_task(request.param, train=options)
    folder = tmp_path_factory.mktemp(request.param)
    assert train(task, task.settings.train, folder, False).finished
    return task, folder


def test_it_learns_which_sticker_was_sent(learnt: tuple[BaselineTask, Path]) -> None:
    best = max(row["R@1"] for row in read_log(learnt[1] / "log.jsonl") if row["kind"] == "valid")
    assert best >= 75  # by chance 25


def test_the_best_checkpoint_scores_as_in_training(learnt: tuple[BaselineTask, Path], tmp_path: Path) -> None:
    task, folder = learnt
    ranker = load_ranker(folder / "best", device="cpu")
    assert isinstance(ranker, BaselineRanker) and ranker.family == task.family
    assert (
        ranker.model_id.startswith(f"{task.family}-") and ranker.image.size == task.settings.model.image.size
    )
    place = tmp_path / "now"
    place.mkdir()
    task.save(place, {"R@1": 1.0})
    again = load_ranker(place, device="cpu")
    assert isinstance(again, BaselineRanker)
    before, after = scores(task.ranker(), task), scores(again, task)
    assert np.allclose(before, after, atol=1e-5)
    assert np.ptp(before[0]) > 1e-4  # not all the same


def test_stickers_from_files_score_the_same_alone_and_among_others(
    learnt: tuple[BaselineTask, Path], tmp_path: Path
) -> None:
    task, _ = learnt
    stickers = []
    for at in range(4):
        path = tmp_path / f"{at}.png"
        Image.fromarray(task.valid.stickers.images[at]).save(path)
        stickers.append(Sticker(str(at), "p", f"{at:064x}", str(path)))
    ranker = task.ranker()
    conversation = Conversation.from_texts("one", "a black hat on the red one")
    features = ranker.encode_stickers(stickers)
    together = ranker.score(conversation, features)
    alone = [ranker.score(conversation, ranker.encode_stickers([one]))[0] for one in stickers]
    cached = ranker.score(conversation, take(features, np.array([2, 0])))
    assert np.allclose(together, alone, atol=1e-5) and np.allclose(together[[2, 0]], cached, atol=1e-5)
    nothing = ranker.encode_stickers([])
    assert {name: values.shape[1:] for name, values in nothing.items()} == {
        name: values.shape[1:] for name, values in features.items()
    }
    assert ranker.score(conversation, nothing).shape == (0,)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_parameter_is_trained_and_terms_are_as_configured(family: str) -> None:
    task = tiny_task(family)
    batch = next(iter(task.batches(0, 0, Shard())))
    torch.manual_seed(0)
    task.before_step(0)
    terms = task.module.train()(batch)
    assert set(terms) <= set(task.weights) == set(task.module.terms)
    sum(task.weights[name] * value for name, value in terms.items()).backward()
    idle = [
        name
        for name, parameter in task.module.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not parameter.grad.abs().sum() > 0)
    ]
    assert not idle
    grouped = sum(len(group["params"]) for group in task.parameter_groups())
    assert grouped == sum(parameter.requires_grad for parameter in task.module.parameters())


@pytest.mark.parametrize("family", FAMILIES)
def test_padding_and_neighbours_do_not_change_scores(family: str) -> None:
    data = uneven(tiny_data())
    task = tiny_task(family, data=data)
    one, many = scores(task.ranker(), task, 1), scores(task.ranker(), task, 100)
    assert [len(row) for row in one] == [len(sample.candidates) for sample in data.samples]
    for a, b in zip(one, many, strict=True):
        assert np.allclose(a, b, atol=1e-5)
    terms = task.module(task.batch(data.samples))  # empty slots, the gold twice, a long conversation
    assert all(bool(torch.isfinite(value)) for value in terms.values())


@pytest.mark.parametrize("family", ["irra", "srs"])
def test_a_run_that_stopped_goes_on_with_the_losses_it_would_have_had(family: str, tmp_path: Path) -> None:
    losses = {"srs": {"image_first": 2}}.get(family, {})

    def run(folder: Path, *stops: int) -> list[float]:
        for steps in stops:
            task = tiny_task(
                family, folder / "work", losses=losses, train=schedule(4, save_every=1), batch={"size": 4}
            )
            changes = {"final_lr": task.settings.train.lr, "max_steps": steps or None}
            train(task, task.settings.train.model_copy(update=changes), folder / "run", False)
        rows = read_log(folder / "run" / "log.jsonl")
        return [row["total"] for row in rows if row["kind"] == "train"]

    whole, broken = run(tmp_path / "whole", 0), run(tmp_path / "broken", 1, 5, 0)
    assert len(whole) == 8 and broken == pytest.approx(whole, abs=1e-6)


def test_checkpoints_that_do_not_fit_are_told(tmp_path: Path) -> None:
    task = tiny_task("clip")
    task.save(tmp_path, {})
    config = json.loads((tmp_path / CONFIG).read_text())
    other = {**config, "model": {**config["model"], "projection": 4}}
    (tmp_path / CONFIG).write_text(json.dumps(other))
    with pytest.raises(ModelError, match=r"does not fit its config\.json.*of another shape"):
        load_ranker(tmp_path, "cpu")
    (tmp_path / CONFIG).write_text(json.dumps({**config, "family": "lgur"}))
    with pytest.raises(ModelError, match="does not fit its"):
        load_ranker(tmp_path, "cpu")
    (tmp_path / CONFIG).write_text(json.dumps({**config, "model": {"width": 7}}))
    with pytest.raises(ModelError, match="describes no clip model"):
        load_ranker(tmp_path, "cpu")
    (tmp_path / CONFIG).write_text(json.dumps(config))
    weights = (tmp_path / WEIGHTS).read_bytes()
    (tmp_path / WEIGHTS).write_bytes(weights[: len(weights) // 2])
    with pytest.raises(ModelError, match="cannot be read"):
        load_ranker(tmp_path, "cpu")


def test_clip_reads_the_last_utterance_alone_and_keeps_its_scale_in_bounds() -> None:
    task = tiny_task("clip")
    read = task.module.model.read
    short = read(task.pieces, [Conversation.from_texts("a black hat")])
    long = read(task.pieces, [Conversation.from_texts("what", "ever", "a black hat", " ")])
    assert np.array_equal(short["ids"], long["ids"])
    module: Any = task.module
    for wrong, right in ((-3.0, 0.0), (9.0, np.log(100))):
        module.log_scale.data = torch.tensor(wrong)
        task.before_step(0)
        assert module.log_scale.item() == pytest.approx(right)


def test_the_image_encoder_may_learn_more_slowly() -> None:
    task = tiny_task("clip", image_scale=0.25, pretrained_scale=0.5)
    task.pretrained = frozenset({"model.image.body.cls_token", "model.text.words.weight"})
    wanted = {
        "model.image.body.cls_token": 0.125, "model.image.body.norm.weight": 0.25,
        "model.text.words.weight": 0.5, "model.text_projection.weight": 1.0,
    }  # fmt: skip
    assert {name: task.scale_of(name) for name in wanted} == wanted


@pytest.mark.parametrize("kind", ["sampled", "closed", "mean"])
def test_pcme_scores_nearer_means_higher_and_wide_ones_lower(kind: str) -> None:
    model: Any = tiny_task("pcme", model={"score": kind, "samples": 64}).module.model
    near, far, narrow, wide = (
        torch.zeros(1, 8),
        torch.full((1, 8), 0.5),
        torch.full((1, 8), -6.0),
        torch.zeros(1, 8),
    )

    def score(mean: torch.Tensor, spread: torch.Tensor) -> float:
        own = {"mean": near, "log_variance": narrow}
        return float(model.score(own, {"mean": mean, "log_variance": spread}).detach())

    assert score(near, narrow) > score(far, narrow)
    assert (score(near, narrow) > score(near, wide)) == (kind != "mean")


def test_mod_gpt_reads_turns_and_drops_the_oldest() -> None:
    task = tiny_task("mod_gpt", model={"text": {**TEXT, "max_tokens": 24}})
    model: Any = task.module.model
    conversation = Conversation.from_texts("black hat red", "white hat", "blue")
    batch = model.read(task.pieces, [conversation])
    ids, size = batch["ids"][0].tolist(), task.pieces.size
    assert ids[-1] == size + 2 and batch["tag"][0] == len(ids) - 1 and batch["types"][0, -1] == 2
    starts = [at for at, number in enumerate(ids) if number in (size, size + 1)]
    assert [batch["types"][0, at] for at in starts] == [0, 1, 0]
    long = Conversation.from_texts(*["black hat red white hat blue"] * 9)
    cut = model.read(task.pieces, [long])
    assert cut["ids"].shape[1] <= 24 and cut["turn"].max() == 8 and cut["ids"][0, -1] == size + 2


def test_mod_gpts_decoder_sees_sticker_vectors_and_nothing_later() -> None:
    model: Any = tiny_task("mod_gpt").module.model.eval()
    ids = torch.tensor([[3, 5, model.vocabulary + 3, 6]])
    types, vectors = torch.zeros_like(ids), torch.zeros(1, 4, model.image.width)
    other = vectors.clone()
    other[0, 2] = 1.0
    other[0, 0] = 1.0  # no place of a sticker: not taken
    first, second = model.text(ids, types, vectors), model.text(ids, types, other)
    assert torch.allclose(first[:, :2], second[:, :2]) and not torch.allclose(first[:, 2:], second[:, 2:])


def test_mod_gpt_with_mse_leaves_the_image_encoder_as_it_is() -> None:
    task = tiny_task("mod_gpt", losses={"target": "mse"})
    assert not any(
        name.startswith("model.image.") and p.requires_grad for name, p in task.module.named_parameters()
    )
    terms = task.module(next(iter(task.batches(0, 0, Shard()))))
    assert terms["sticker"].requires_grad


def test_srs_begins_with_the_image_encoder_alone() -> None:
    task = tiny_task("srs", losses={"image_first": 2})
    batch = next(iter(task.batches(0, 0, Shard())))
    ranks = []
    for step in range(3):
        task.before_step(step)
        ranks.append(float(task.module(batch)["rank"].detach()))
    assert ranks[:2] == [0, 0] and ranks[2] > 0


def test_labels_are_identities_emoji_or_emotions() -> None:
    data = tiny_data()
    rows, count = identities(data.stickers, ["green/white", "red/black", "green/white"])
    assert count == 2 and rows[0] == 0 and rows[3] == 1 and (rows >= 0).sum() == 2
    assert meanings(data.stickers, "emoji", 1)[1] == 1
    found, count = meanings(data.stickers, "emoji", 300)
    assert count == 2 and found.tolist() == [0, 1] * 4
    assert meanings(data.stickers, "emotion", 300)[0].tolist() == [*range(7), 0]
    assert meanings(replace(data.stickers, said=()), "emoji", 300)[1] == 7


def test_what_does_not_fit_is_told() -> None:
    data = tiny_data()
    with pytest.raises(InputError, match="cached at 32 pixels, the model sees 64"):
        BaselineTask("clip", tiny_settings("clip", model={"image": {"size": 64}}), data, data)
    with pytest.raises(ValueError, match="srs reads words"):
        tiny_settings("srs", model={"text": TEXT})
    with pytest.raises(ValueError, match="fewer than words"):
        tiny_settings("srs", model={"words": 30})
    with pytest.raises(ValueError, match="is not a multiple of heads"):
        tiny_settings("lgur", model={"heads": 3})
    with pytest.raises(InputError, match="timm has no model 'bert'"):
        tiny_task("srs", model={"image": {"model": "bert", "size": 16}})
