"""A tower that stays as it is: each row is read once, in every run; heads with a layer learn; ONNX agrees."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from dual_world import make_config

from eval.datasets import Sample
from retriever.encoders.dual.row import Row, pad
from retriever.encoders.registry import load_encoder
from retriever.errors import ModelError
from retriever.rankers import load_ranker
from retriever.rankers.parts.memory import fingerprint
from retriever.types import Conversation
from trainers.dual.config import DualConfig, HeadsConfig
from trainers.dual.data import examples
from trainers.dual.export import restore
from trainers.dual.reader import Reader
from trainers.dual.task import DualTask
from trainers.loop import train

TALK = Conversation.from_texts("what a day", "i am so happy we won")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def frozen(root: Path, **train: Any) -> DualConfig:
    config = make_config(root, frozen=("reader",), **train)
    return config.model_copy(update={"heads": HeadsConfig(hidden=16, dropout=0.2, mode=True, likeness=8)})


def test_it_learns_with_heads_alone_and_onnx_agrees(tmp_path: Path) -> None:
    config = frozen(tmp_path / "world", epochs=12)
    task = DualTask(config, tmp_path / "run" / "work")
    before = {name: value.clone() for name, value in task.module.reader.state_dict().items()}
    outcome = train(task, config.train, tmp_path / "run", show_progress=False)
    assert outcome.metrics["posts/R@1"] > 90
    assert all(torch.equal(value, before[name]) for name, value in task.module.reader.state_dict().items())
    assert task.module.get_buffer("spread").min() > 0 and task.module.get_buffer("center").abs().max() > 0

    ranker = load_ranker(outcome.checkpoint)
    features = ranker.encode_stickers(task.stickers)
    assert features["vector"].shape == (len(task.stickers), 8)
    talks = [TALK, replace(TALK, mode="supplement")]
    onnx = np.stack([ranker.score(talk, features) for talk in talks])
    restore(task, outcome.checkpoint)
    task.refresh()
    rows = list(examples([Sample(talk) for talk in talks], task.tokens, config.buckets, "chat"))
    np.testing.assert_allclose(onnx, task.score(rows), atol=2e-4)

    encoder = load_encoder(f"dual:{outcome.checkpoint}")
    assert encoder.spec.dimension == 8
    assert encoder.encode_documents(["grin happiness"]).shape == (1, 8)


def test_a_later_run_reads_nothing_again(tmp_path: Path, own_cache: Path) -> None:
    config = frozen(tmp_path / "world")

    def run(name: str) -> int:
        """How many rows the tower was given."""
        task = DualTask(config, tmp_path / name / "work")
        rows = []
        task.module.reader.tower.register_forward_hook(
            lambda module, args, kwargs, result: rows.append(len(kwargs["inputs_embeds"])), with_kwargs=True
        )
        train(task, config.train, tmp_path / name, show_progress=False)
        return sum(rows)

    assert run("first") > 20
    assert len(list(own_cache.rglob("pooled-*.safetensors"))) == 1
    assert run("second") == 0


def test_a_stopped_run_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    import json
    import os
    import signal

    config = frozen(tmp_path / "world", epochs=2, save_every=3)

    def losses(name: str, stop: int | None) -> list[float]:
        for at in (stop, None) if stop else (None,):
            task = DualTask(config, tmp_path / name / "work")
            if at:
                before = task.before_step

                def counting(step: int, before: Any = before, at: int = at) -> None:
                    before(step)
                    if step == at:
                        os.kill(os.getpid(), signal.SIGTERM)

                task.before_step = counting  # type: ignore[method-assign]
            train(task, config.train, tmp_path / name, show_progress=False)
        lines = (tmp_path / name / "log.jsonl").read_text().splitlines()
        return [row["total"] for row in map(json.loads, lines) if row["kind"] == "train"]

    assert losses("stopped", 7) == pytest.approx(losses("whole", None), abs=1e-5)


def test_rows_are_told_apart_by_tokens_and_by_what_is_pooled(tmp_path: Path) -> None:
    reader: Reader = DualTask(frozen(tmp_path / "world"), tmp_path / "work").module.reader
    reader.eval()
    rows = [Row([5, 20, 21, 6], 0, 4, 7), Row([5, 20, 21, 6], 1, 4, 7), Row([5, 20, 21, 6], 1, 3, 7)]
    rows += [Row([5, 20, 22, 6], 1, 3, 7), Row([5, 20, 21, 6, 23, 23], 0, 6, 7)]

    def pooled(*chosen: Row) -> torch.Tensor:
        batch = pad(chosen)
        return reader(*map(torch.from_numpy, (batch.ids, batch.mask, batch.pool)))

    read = pooled(*rows)
    assert len({tuple(vector) for vector in read.tolist()}) == len(rows)
    reader.frozen()
    calls = []
    reader.tower.register_forward_hook(
        lambda module, args, kwargs, result: calls.append(len(kwargs["inputs_embeds"])), with_kwargs=True
    )
    for at, row in enumerate(rows):  # one by one, so without padding
        torch.testing.assert_close(pooled(row)[0], read[at])
    assert calls == [1] * len(rows)
    torch.testing.assert_close(pooled(*rows), read)
    assert len(calls) == len(rows)  # padding makes no other row


def test_other_weights_have_another_memory(tmp_path: Path) -> None:
    task = DualTask(frozen(tmp_path / "world"), tmp_path / "work")
    reader: Reader = task.module.reader
    first = fingerprint(reader.state_dict())
    with torch.no_grad():
        reader.words[0, 0] += 1
    assert fingerprint(reader.state_dict()) != first


def test_a_checkpoint_without_its_likeness(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    config = frozen(tmp_path / "world")
    task = DualTask(config, tmp_path / "run" / "work")
    folder = train(task, config.train, tmp_path / "run", show_progress=False).checkpoint
    weights = load_file(folder / "model.safetensors")
    del weights["likeness.weight"]
    (folder / "graph.onnx").unlink()
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(ModelError, match=r"lacks likeness\.weight"):
        load_ranker(folder)
