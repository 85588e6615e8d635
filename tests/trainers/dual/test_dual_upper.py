"""A tower whose upper layers alone learn, and that reads speakers as words."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from dual_world import make_config, make_mpnet

from eval.datasets import Sample
from retriever.errors import InputError, ModelError
from retriever.rankers import load_ranker
from retriever.types import Conversation
from trainers.dual.config import DualConfig
from trainers.dual.data import examples
from trainers.dual.export import restore
from trainers.dual.task import DualTask
from trainers.loop import train
from trainers.task import Shard

TALK = Conversation.from_texts("what a day", "oh no", "i am so happy we won", "great")


@pytest.fixture
def config(tmp_path: Path) -> DualConfig:
    start = str(make_mpnet(tmp_path / "mpnet"))
    update = {"start": start, "vocabulary": 5000, "learning": 1, "reading": "words", "turns": 4}
    return make_config(tmp_path / "world", epochs=4).model_copy(update=update)


def test_what_is_below_stays_and_onnx_agrees(config: DualConfig, tmp_path: Path) -> None:
    task = DualTask(config, tmp_path / "run" / "work")
    before = {name: value.clone() for name, value in task.module.reader.state_dict().items()}
    outcome = train(task, config.train, tmp_path / "run", show_progress=False)
    moved = {name for name, value in task.module.reader.named_parameters() if not value.equal(before[name])}
    upper = {name for name in before if name.startswith("tower.encoder.layer.1.")}
    # a key's bias adds the same to all of a row's scores: it has no gradient, only noise
    assert upper - moved <= {"tower.encoder.layer.1.attention.attn.k.bias"}
    assert moved <= upper

    described = json.loads((outcome.checkpoint / "config.json").read_text())
    assert (described["reading"], described["turns"]) == ("words", 4)
    ranker = load_ranker(outcome.checkpoint)
    features = ranker.encode_stickers(task.stickers)
    talks = [TALK, replace(TALK, mode="supplement"), Conversation.from_texts("oh no")]
    onnx = np.stack([ranker.score(talk, features) for talk in talks])
    assert not np.allclose(onnx[0], onnx[1])  # who said the last message counts
    restore(task, outcome.checkpoint)
    task.refresh()
    rows = list(examples([Sample(talk) for talk in talks], task.tokens, config.buckets, "chat"))
    np.testing.assert_allclose(onnx, task.score(rows), atol=2e-4)


def test_the_first_of_four_turns_is_read(config: DualConfig, tmp_path: Path) -> None:
    tokens = DualTask(config, tmp_path / "four").tokens
    other = replace(TALK, utterances=(replace(TALK.utterances[0], text="my cat"), *TALK.utterances[1:]))
    assert tokens.conversation(TALK) != tokens.conversation(other)
    three = DualTask(config.model_copy(update={"turns": 3}), tmp_path / "three").tokens
    assert three.conversation(TALK) == three.conversation(other)


def test_the_vocabulary_has_the_words_around_a_message(config: DualConfig, tmp_path: Path) -> None:
    task = DualTask(config, tmp_path / "work")
    vocabulary = task.tokens._tokenizer.get_vocab()
    assert vocabulary["[UNK]"] not in task.tokens.conversation(TALK).ids
    assert {"i", "you", ":"} <= vocabulary.keys()


def test_more_layers_than_there_are(config: DualConfig, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="learning is 3, but the tower has 2 layers"):
        DualTask(config.model_copy(update={"learning": 3}), tmp_path / "work")


def test_a_checkpoint_of_a_reading_to_come(config: DualConfig, tmp_path: Path) -> None:
    task = DualTask(config, tmp_path / "run" / "work")
    folder = train(task, config.train, tmp_path / "run", show_progress=False).checkpoint
    described = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(described | {"reading": "signs"}))
    with pytest.raises(ModelError, match="reading is 'signs', expected one of markers, words"):
        load_ranker(folder)


def test_layers_below_need_no_gradient(config: DualConfig, tmp_path: Path) -> None:
    """What is not trained must not be paid for: no graph is kept below the first layer that learns."""
    task = DualTask(config, tmp_path / "work")
    seen = []
    layers = task.module.reader.tower.encoder.layer  # type: ignore[union-attr]
    for layer in layers:  # type: ignore[union-attr]
        layer.register_forward_hook(lambda module, args, result: seen.append(result[0].requires_grad))
    task.module(next(iter(task.batches(0, 0, Shard()))))
    assert seen == [False, True]


@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_a_tower_has_the_dropout_it_is_given(config: DualConfig, tmp_path: Path, rate: float) -> None:
    reader = DualTask(config.model_copy(update={"dropout": rate}), tmp_path / "work").module.reader
    row = [torch.tensor([[2, 20, 21, 3]]), torch.ones(1, 4).long(), torch.full((1, 4), 0.25)]
    reader.train()
    assert torch.equal(reader(*row), reader(*row)) == (rate == 0)
    reader.frozen()
    assert torch.equal(reader(*row), reader(*row))
    reader.memory = None
    assert torch.equal(reader(*row), reader(*row))  # not because it remembers
