"""One batch through MMBERT's tasks: which terms there are, what they see, what learns."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from tiny_mmbert import FEELINGS, WORDS, tiny_config, tiny_data
from torch.nn import functional as F

from retriever.rankers.mmbert.tokens import NOTHING
from trainers.datasets.ranking import RankingData
from trainers.mmbert.batch import MMBERTBatch
from trainers.mmbert.losses import IGNORED
from trainers.mmbert.task import MMBERTTask
from trainers.task import Shard

PLAIN = {"ctx": 0.0, "emo": 0.0, "sem": 0.0}


def made(data: RankingData | None = None, **parts: Any) -> tuple[MMBERTTask, MMBERTBatch]:
    """A task and a batch of its first eight samples, in order."""
    data = data or tiny_data()
    task = MMBERTTask(tiny_config(**parts), data, data)
    return task, task.batch([task.train.draw(at) for at in range(8)])


def terms_of(task: MMBERTTask, batch: MMBERTBatch, training: bool = False) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    task.module.train(training)
    return task.module(batch)  # type: ignore[no-any-return]


def test_a_batch_has_every_sticker_once_and_only_what_is_known() -> None:
    task, batch = made()
    colours = list(WORDS)
    rows = [colours.index(sample.sticker) for sample in task.train.samples]
    assert batch.right.tolist() == rows and len(batch.words) == 4
    assert (batch.right != batch.wrong).all()
    assert batch.told.tolist() == [at for at in range(8) if WORDS[colours[rows[at]]]]
    numbers = {label: at for at, label in enumerate(sorted(f for f in FEELINGS.values() if f))}
    assert task.emotions == numbers
    assert batch.emotion.tolist() == [numbers.get(FEELINGS[colours[row]] or "", IGNORED) for row in rows]
    assert (batch.words[1] == NOTHING).all() and (batch.words[0] != NOTHING).sum() > 0
    assert batch.words[0, 0] == NOTHING  # at least one slot before the words


def test_everything_learns_and_frozen_pictures_do_not() -> None:
    for train in (True, False):
        task, batch = made(pictures={"train": train})
        assert (batch.pixels is None) != train and (batch.seen is None) == train
        terms = terms_of(task, batch, training=True)
        sum(task.weights[name] * term for name, term in terms.items()).backward()
        still = {
            name for name, p in task.module.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0
        }
        image = {name for name, _ in task.module.named_parameters() if name.startswith("model.image.")}
        assert still == (set() if train else image)
        grouped = sum(len(group["params"]) for group in task.parameter_groups())
        assert grouped == len(list(task.module.parameters())) - (0 if train else len(image))


def test_frozen_states_are_what_the_encoder_gives() -> None:
    frozen, batch = made(pictures={"train": False}, losses=PLAIN)
    trained, pixels = made(losses=PLAIN)
    assert terms_of(frozen, batch)["main"].item() == pytest.approx(
        terms_of(trained, pixels)["main"].item(), abs=1e-5
    )
    assert not frozen.module.train().model.image.training and frozen.module.model.text.training


@pytest.mark.parametrize(
    ("losses", "names"),
    [
        (PLAIN, {"main"}),
        ({**PLAIN, "ctx": 0.05}, {"main", "ctx"}),
        ({**PLAIN, "emo": 0.2}, {"main", "emo"}),
        ({**PLAIN, "sem": 0.1}, {"main", "sem"}),
        ({}, {"main", "ctx", "emo", "sem"}),
    ],
)
def test_a_task_that_is_off_has_no_term_and_no_head(losses: dict[str, float], names: set[str]) -> None:
    task, batch = made(losses=losses)
    assert set(terms_of(task, batch)) == names
    assert (task.module.emotion is not None) == ("emo" in names)
    assert (task.module.words is not None) == bool({"ctx", "sem"} & names)
    assert dict(task.weights) == {"main": 1.0, "ctx": 0.05, "emo": 0.2, "sem": 0.1} | losses


def test_samples_without_emotion_or_words_skip_those_terms() -> None:
    data = tiny_data(words=False)
    data = replace(data, samples=[*data.samples[:3], *(replace(s, emotion=None) for s in data.samples[3:])])
    task, batch = made(data)
    few = task.batch([task.train.draw(at) for at in range(3, 8)])
    terms = terms_of(task, few)
    assert terms["emo"].item() == 0 and terms["sem"].item() == 0
    sum(terms.values()).backward()  # and nothing is NaN
    assert all(torch.isfinite(p.grad).all() for p in task.module.parameters() if p.grad is not None)
    # the labelled ones count as if they were alone
    alone = task.batch([task.train.draw(at) for at in range(3)])
    assert terms_of(task, batch)["emo"].item() == pytest.approx(terms_of(task, alone)["emo"].item(), abs=1e-5)
    bare, batch = made(tiny_data(emotions=False))
    assert bare.module.emotion is None and set(terms_of(bare, batch)) == {"main", "ctx", "sem"}


def test_the_terms_by_the_models_own_parts() -> None:
    """The one joint pass gives what each task's pass of its own would."""
    for ocr in (True, False):
        task, batch = made(model={"ocr_input": ocr})
        terms = terms_of(task, batch)
        model, module = task.module.model, task.module
        assert batch.pixels is not None
        with torch.no_grad():
            pixels = batch.pixels.permute(0, 3, 1, 2).float() / 255
            stickers = model.picture(model.see(pixels))
            words = model.text.words(batch.ids)
            shown = batch.words[batch.right] if ocr else None
            right = model.read(words, batch.mask, stickers[batch.right], shown)
            wrong = model.read(
                words, batch.mask, stickers[batch.wrong], batch.words[batch.wrong] if ocr else None
            )
            main = F.cross_entropy(model.head(right[:, 0]), torch.ones(8, dtype=torch.long)) / 2
            main += F.cross_entropy(model.head(wrong[:, 0]), torch.zeros(8, dtype=torch.long)) / 2
            assert module.emotion is not None and module.words is not None
            emo = F.cross_entropy(module.emotion(right[:, -2]), batch.emotion, ignore_index=IGNORED)
            told = batch.told
            blank = torch.full((len(told), 5), NOTHING)
            read = model.read(words[told], batch.mask[told], stickers[batch.right[told]], blank)
            logits = module.words(read[:, -7:-2])
            total, count = 0.0, 0
            for row, said in zip(logits, batch.words[batch.right[told]], strict=True):
                targets = [int(n) for n in said if n != NOTHING]
                targets = [task.tokens.pieces.markers[1], *targets]
                total += float(F.cross_entropy(row[-len(targets) :], torch.tensor(targets), reduction="sum"))
                count += len(targets)
        assert terms["main"].item() == pytest.approx(main.item(), abs=1e-5)
        assert terms["emo"].item() == pytest.approx(emo.item(), abs=1e-5)
        assert terms["sem"].item() == pytest.approx(total / count, abs=1e-5)


def _keep(seen: list[torch.Tensor], _: Any, given: tuple[torch.Tensor], __: Any) -> None:
    seen.append(given[0].detach())


def test_words_are_hidden_from_their_own_prediction() -> None:
    """Semantic prediction may not see the words it is to find, whether or not the other tasks may."""
    for ocr in (True, False):
        task, batch = made(model={"ocr_input": ocr}, losses={**PLAIN, "sem": 0.1})
        seen: list[torch.Tensor] = []
        assert task.module.words is not None
        task.module.words.register_forward_hook(partial(_keep, seen))
        terms_of(task, batch)
        changed = batch.words.clone()
        changed[changed != NOTHING] = 6
        terms_of(task, replace(batch, words=changed))
        assert torch.allclose(seen[0], seen[1], atol=1e-6)


def test_matching_sees_words_only_where_ocr_is_input() -> None:
    for ocr in (True, False):
        task, batch = made(model={"ocr_input": ocr})
        changed = replace(batch, words=torch.where(batch.words != NOTHING, 6, batch.words))
        one, other = (terms_of(task, given)["main"].item() for given in (batch, changed))
        assert (abs(one - other) > 1e-6) == ocr


def test_markers_can_be_left_unmasked() -> None:
    task, batch = made(losses={"masked": 0.99, "mask_markers": False})
    _, chosen = task.module._masked(batch)
    markers = set(batch.ids[batch.mask.bool() & ~chosen].tolist())
    assert {task.tokens.sep, task.module.cls, task.tokens.size - 1, task.tokens.size - 2} <= markers
    task, batch = made(losses={"masked": 0.99})
    _, chosen = task.module._masked(batch)
    assert chosen[:, 0].float().mean() > 0.5 and not chosen[batch.mask == 0].any()


def test_the_image_encoder_has_a_rate_of_its_own() -> None:
    task, _ = made(pictures={"train": True, "scale": 0.5}, pretrained_scale=0.1)
    task.pretrained = frozenset({"model.text.words.weight"})
    scales = {id(p): group["scale"] for group in task.parameter_groups() for p in group["params"]}
    for name, parameter in task.module.named_parameters():
        expected = 0.5 if name.startswith("model.image.") else 0.1 if name in task.pretrained else 1.0
        assert scales[id(parameter)] == expected, name


def test_batches_are_a_function_of_seed_and_epoch() -> None:
    data = tiny_data(16)
    task = MMBERTTask(tiny_config(negatives={"when": "epoch"}), data, data)

    def ids(epoch: int) -> list[list[int]]:
        return [[*b.right.tolist(), *b.wrong.tolist()] for b in task.batches(epoch, 0, Shard())]

    assert ids(1) == ids(1) != ids(0) and len(ids(0)) == task.steps(Shard()) == 4
    assert np.array(ids(0)).shape == (4, 8)
