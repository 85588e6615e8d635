"""Int-RA in the real loop: it learns, resumes, saves what inference opens and scores alike."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_int_ra import SHAPE, TEXT, WORDS, tiny_config, tiny_data, with_gold_forgotten

from retriever.errors import InputError
from retriever.labels import INTENTIONS
from retriever.rankers import load_ranker
from retriever.rankers.int_ra.ranker import IntRARanker
from retriever.types import Sticker
from trainers.datasets.knowledge import stickers_in_words
from trainers.datasets.ranking import BLANK
from trainers.int_ra.batch import make_batch
from trainers.int_ra.config import IntRAConfig
from trainers.int_ra.losses import hinge
from trainers.int_ra.task import IntRATask
from trainers.loop import train
from trainers.loop.logs import read_log

SCHEDULE = {"lr": 3e-3, "final_lr": 3e-4, "device": "cpu", "log_every": 1}


def make_task(data=None, work=None, **parts):
    data = data or tiny_data()
    return IntRATask(tiny_config(**parts), data, data, None, work)


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """Sixteen samples learnt by heart, and the run's folder."""
    schedule = {**SCHEDULE, "epochs": 60, "eval_every": 20}
    task = make_task(batch={"size": 16}, train=schedule)
    folder = tmp_path_factory.mktemp("learnt")
    assert train(task, task.config.train, folder, False).finished
    return task, folder


def test_it_learns_a_tiny_world(learnt):
    _, folder = learnt
    rows = read_log(folder / "log.jsonl")
    first, *_, last = (row for row in rows if row["kind"] == "train")
    assert last["retrieval"] < 0.3 * first["retrieval"] and last["intention"] < 0.5 * first["intention"]
    valid = [row for row in rows if row["kind"] == "valid"][-1]
    assert valid["R@1"] >= 90 and valid["intention_accuracy"] >= 90  # by chance 25 and 4
    assert not any("classes" in row for row in rows)


def test_what_it_learnt_is_the_gold(learnt):
    task, _ = learnt
    other = IntRATask(task.config, task.train, with_gold_forgotten(task.valid))
    other.module.load_state_dict(task.module.state_dict())
    assert other.validate()["R@1"] <= 10


def test_inference_scores_as_validation_did(learnt, tmp_path):
    """From the checkpoint, image files and sticker records, as a library would call it."""
    task, folder = learnt
    ranker = load_ranker(folder / "best", device="cpu")
    assert isinstance(ranker, IntRARanker)
    words = stickers_in_words(task.train.stickers)
    stickers = {}
    for row, sticker in enumerate(words):
        path = tmp_path / f"{row}.png"
        Image.fromarray(task.train.stickers.images[row]).save(path)
        stickers[sticker.id] = replace(sticker, path=str(path))
    best = max(
        (row for row in read_log(folder / "log.jsonl") if row["kind"] == "valid"), key=lambda r: r["R@1"]
    )
    firsts = 0
    fresh = IntRATask(task.config, task.train, task.valid)
    fresh.module.model.load_state_dict(ranker.model.state_dict())
    wanted = fresh.score(task.valid.samples)
    for sample, scores in zip(task.valid.samples, wanted, strict=True):
        features = ranker.encode_stickers([stickers[str(id_)] for id_ in sample.candidates])
        found = ranker.score(sample.conversation, features)
        assert found == pytest.approx(scores, abs=1e-5)
        firsts += int(found.argmax() == sample.gold)
    assert 100 * firsts / 16 == pytest.approx(best["R@1"])


def test_the_batch_says_what_the_samples_say():
    task = make_task()
    samples = list(task.train.samples[:3])
    samples[1] = replace(samples[1], candidates=(samples[1].sticker, None), gold=0)
    batch = task.batch(samples)
    assert batch.label.tolist() == [0, 0, 7]  # two of the first colour, one of the second
    assert BLANK in batch.rows.tolist() and batch.candidates[1].tolist()[2:] == [-1, -1]
    texts = task.tokens.stickers([("", f"x {word}", "", "") for word in WORDS[:1]])
    assert texts.which.tolist() == [[0, 1, 0, 0]]
    for row, which in zip(batch.rows.tolist(), batch.which.tolist(), strict=True):
        told = row >= 0 and row % 2 == 0
        assert (which[0] > 0) == told and which[1:3] == [0, 0]
        assert (which[3] > 0) == (told and row % 4 != 0)
    assert task.notes == {
        "stickers/without_attributes": 4,
        "train/without_intention": 3,
        "valid/without_intention": 3,
    }


def test_the_retrieval_term_by_hand():
    task = make_task(crop=(1.0, 1.0))
    samples = list(task.train.samples[:4])
    samples[2] = replace(samples[2], candidates=(samples[2].sticker, None), gold=0)
    batch = task.batch(samples)
    module = task.module.eval()
    with torch.no_grad():
        found = module(batch)["retrieval"].item()
    scores = task.score(samples)
    losses = []
    for sample, row in zip(samples, scores, strict=True):
        others = [s for at, s in enumerate(row) if at != sample.gold]
        losses.append(np.mean([max(0, 0.2 - row[sample.gold] + s) for s in others]))
    assert found == pytest.approx(np.mean(losses), abs=1e-5)


def test_negatives_of_the_batch_leave_out_the_sent_sticker_alone():
    data = tiny_data()
    samples = [data.samples[0], data.samples[8], data.samples[3]]  # the first two have the same gold
    task = make_task(losses={"negatives": "batch"}, crop=(1.0, 1.0))
    batch = task.batch(samples)
    module = task.module.eval()
    with torch.no_grad():
        model = module.model
        stickers = model.stickers(
            batch.pixels.permute(0, 3, 1, 2) / 255, batch.text_ids, batch.text_mask, batch.which
        )
        queries = model.queries(batch.ids, batch.mask, model.encode_labels())
        cosines = queries.vector @ stickers.vector.T
        gold = batch.candidates[torch.arange(3), batch.gold]
        counted = torch.arange(cosines.shape[1]) != gold[:, None]
        by_hand = hinge(cosines[torch.arange(3), gold], cosines, counted, 0.2)
        assert module(batch)["retrieval"].item() == pytest.approx(by_hand.item(), abs=1e-6)


@pytest.mark.parametrize(
    "model",
    [
        {"query": "fused"}, {"query": "soft"}, {"query": "paper"}, {"query": "context"}, {"relation": "gate"},
        {"attributes": []}, {"knowledge": False}, {"stand_in": "names"}, {"labels": "emotion"},
        {"text": {**TEXT, "kind": "gru"}},
    ],
    ids=str,
)  # fmt: skip
def test_every_trained_parameter_gets_a_gradient(model):
    task = make_task(model=model)
    batch = task.batch([task.train.draw(at) for at in range(8)])
    torch.manual_seed(0)
    terms = task.module(batch)
    assert set(terms) == {"retrieval"} | ({"intention"} if model.get("query") != "context" else set())
    sum(task.weights[name] * value for name, value in terms.items()).backward()
    without = [name for name, p in task.module.named_parameters() if p.grad is None or not p.grad.abs().any()]
    assert without == []


def test_retrieval_reaches_the_classifier_unless_the_query_is_literal():
    for query, reached in (("fused", True), ("soft", True), ("paper", False)):
        task = make_task(model={"query": query})
        task.module(task.batch(task.train.samples[:4]))["retrieval"].backward()
        grad = task.module.model.classifier.weight.grad
        assert (grad is not None and bool(grad.abs().any())) == reached


def test_a_run_that_stopped_goes_on_with_the_losses_it_would_have_had(tmp_path):
    def losses(folder: Path, *stops: int) -> list[float]:
        for steps in stops:
            schedule = {**SCHEDULE, "epochs": 2, "save_every": 1}
            task = make_task(work=folder / "work", train=schedule)
            changes = {"final_lr": task.config.train.lr, "max_steps": steps or None}
            train(task, task.config.train.model_copy(update=changes), folder / "run", False)
        rows = read_log(folder / "run" / "log.jsonl")
        return [row["total"] for row in rows if row["kind"] == "train"]

    whole = losses(tmp_path / "whole", 0)
    broken = losses(tmp_path / "broken", 3, 0)
    assert len(whole) == 8 and broken == pytest.approx(whole, abs=1e-6)


def test_data_that_cannot_be_trained_on_are_told():
    data = tiny_data()
    unlabelled = replace(data, samples=[replace(sample, intention=None) for sample in data.samples])
    with pytest.raises(InputError, match=r"kind 'intention', and none of 16 .*inferred_intentions"):
        make_task(unlabelled)
    assert make_task(unlabelled, model={"labels": "emotion"}).notes["stickers/without_attributes"] == 4
    silent = make_task(unlabelled, losses={"intention": 0.0})
    assert set(silent.module(silent.batch(data.samples[:4]))) == {"retrieval"}
    large = {"image": {**SHAPE["image"], "size": 32}}
    with pytest.raises(InputError, match="cached at 16 pixels, the model sees 32"):
        make_task(model=large)
    other = replace(data, stickers=replace(data.stickers, ids=tuple(f"q/{at}" for at in range(8))))
    with pytest.raises(InputError, match="different stickers"):
        IntRATask(tiny_config(), data, other)
    for wrong, told in (
        ({"model": {"query": "paper"}, "losses": {"intention": 0.0}}, "classifier untrained"),
        ({"crop": (0.9, 0.5)}, "crop is"),
    ):
        with pytest.raises(ValueError, match=told):
            IntRAConfig.model_validate(wrong)


def test_words_of_a_library_are_stronger_than_none():
    data = tiny_data()
    words = [Sticker(id_, "p", "", "", name={"en": "x"}) for id_ in data.stickers.ids]
    task = IntRATask(tiny_config(), data, data, words)
    assert task.notes["stickers/without_attributes"] == 8
    batch = make_batch(data.samples[:2], data.stickers, task.texts, task.tokens)
    assert not batch.which.any() and batch.text_ids.shape[0] == 1
    assert INTENTIONS[0] in task.ranker().expected(data.samples[0].conversation)["intention"]
