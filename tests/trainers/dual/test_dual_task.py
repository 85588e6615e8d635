"""The dual ranker from data to checkpoint: it learns, goes on after a stop, and ONNX says what torch says."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from dual_world import make_config

from eval.datasets import open_dataset
from retriever.errors import InputError, ModelError
from retriever.rankers import load_ranker
from retriever.rankers.dual.ranker import DualRanker
from trainers.dual.data import examples
from trainers.dual.task import DualTask
from trainers.loop import train
from trainers.task import Shard

TASK_SAMPLES = 9


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[DualTask, Path]:
    root = tmp_path_factory.mktemp("dual")
    config = make_config(root, epochs=12)
    task = DualTask(config, root / "run" / "work")
    outcome = train(task, config.train, root / "run")
    assert outcome.finished
    return task, outcome.checkpoint


def test_it_learns_what_the_words_give_away(trained: tuple[DualTask, Path]) -> None:
    task, _ = trained
    metrics = task.validate()
    # two of the six candidates carry the right emotion: knowing it is worth 50, and 100 with the emoji
    assert metrics["chat/R@1"] >= 45
    assert metrics["chat/R@2"] > 90
    assert metrics["posts/R@1"] > 90


def both_scores(task: DualTask, checkpoint: Path) -> tuple[Any, Any]:
    """(n, d) of ``chat``'s validation rows: by ONNX Runtime, and by torch with the checkpoint's weights."""
    from trainers.dual.export import restore

    samples = list(open_dataset(task.config.sources["chat"].path, "valid").samples())
    ranker = load_ranker(checkpoint)
    features = ranker.encode_stickers(task.stickers)
    onnx = np.stack([ranker.score(sample.conversation, features) for sample in samples])
    restore(task, checkpoint)
    task.refresh()
    task.module.eval()
    return onnx, task.score(list(examples(samples, task.tokens, task.config.buckets, "chat")))


def test_onnx_scores_are_torch_scores(trained: tuple[DualTask, Path]) -> None:
    """Torch with the checkpoint's int8 weights put back gives the same scores as ONNX Runtime."""
    task, checkpoint = trained
    onnx, torch_scores = both_scores(task, checkpoint)
    assert onnx.shape == (TASK_SAMPLES, 6)
    assert np.ptp(onnx) > 1
    np.testing.assert_allclose(onnx, torch_scores, atol=2e-4)


def test_a_ranker_that_saw_no_emoji_scores_as_torch_does(tmp_path: Path) -> None:
    config = make_config(tmp_path, epochs=2)
    config = config.model_copy(update={"sources": {"chat": config.sources["chat"]}})
    task = DualTask(config, tmp_path / "run" / "work")
    checkpoint = train(task, config.train, tmp_path / "run", show_progress=False).checkpoint
    onnx, torch_scores = both_scores(task, checkpoint)
    np.testing.assert_allclose(onnx, torch_scores, atol=2e-4)
    ranker = load_ranker(checkpoint)
    assert isinstance(ranker, DualRanker)
    assert ranker.labels["emoji"] == []
    sample = next(iter(open_dataset(config.sources["chat"].path, "valid").samples()))
    assert ranker.read([sample.conversation])["emoji"].shape == (1, 0)


def test_n_grams_for_some_kinds_of_label_alone(tmp_path: Path) -> None:
    config = make_config(tmp_path, epochs=2).model_copy(update={"wide": ("emoji",)})
    task = DualTask(config, tmp_path / "run" / "work")
    checkpoint = train(task, config.train, tmp_path / "run", show_progress=False).checkpoint
    from safetensors.numpy import load_file

    from trainers.dual.model import PARTS

    stored = load_file(checkpoint / "model.safetensors")
    assert "wide_emoji.weight" in stored and "wide_emotion.weight" not in stored
    closed, left = PARTS.index("wide_emotion"), PARTS.index("wide_emoji")
    assert not stored["gates"][:, closed].any() and stored["gates"][:, left].any()
    onnx, torch_scores = both_scores(task, checkpoint)
    np.testing.assert_allclose(onnx, torch_scores, atol=2e-4)


def test_rounding_to_int8_hardly_moves_the_order(
    trained: tuple[DualTask, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every matrix of the tower and every n-gram table rounded: scores move, the best sticker does not."""
    from safetensors.numpy import load_file

    from trainers.dual.export import save_checkpoint

    task, _ = trained
    monkeypatch.setattr("trainers.dual.export.SMALL", 100)
    scores = {}
    for int8 in (True, False):
        folder = tmp_path / f"int8-{int8}"
        folder.mkdir()
        save_checkpoint(task, folder, {}, int8)
        ranker = load_ranker(folder)
        samples = list(open_dataset(task.config.sources["chat"].path, "valid").samples())
        features = ranker.encode_stickers(task.stickers)
        scores[int8] = np.stack([ranker.score(sample.conversation, features) for sample in samples])
    rounded = {name for name, value in load_file(tmp_path / "int8-True" / "model.safetensors").items()
               if value.dtype == np.int8}  # fmt: skip
    assert {"embeddings.word_embeddings.weight", "wide_emoji.weight", "wide_emotion.weight"} < rounded
    assert sum(name.startswith("encoder.layer") for name in rounded) == 12  # six matrices a layer
    assert scores[True].argmax(1).tolist() == scores[False].argmax(1).tolist()
    moved = np.abs(scores[True] - scores[False])
    assert 0 < moved.max() < 0.05 * np.ptp(scores[False])


def test_the_same_seed_gives_the_same_losses_after_a_stop(tmp_path: Path) -> None:
    config = make_config(tmp_path, epochs=2, save_every=3)

    def losses(folder: Path, stops: tuple[int, ...]) -> list[float]:
        for stop in (*stops, None):
            task = DualTask(config, folder / "work")
            if stop is not None:
                _stop_after(task, stop)
            train(task, config.train, folder, show_progress=False)
        lines = (folder / "log.jsonl").read_text().splitlines()
        return [row["total"] for row in map(json.loads, lines) if row["kind"] == "train"]

    whole = losses(tmp_path / "whole", ())
    stopped = losses(tmp_path / "stopped", (7,))
    assert len(whole) > 10
    assert stopped == pytest.approx(whole, abs=1e-5)


def _stop_after(task: DualTask, steps: int) -> None:
    """Make the task stop the loop as a signal would."""
    import os
    import signal

    before = task.before_step

    def counting(step: int) -> None:
        before(step)
        if step == steps:
            os.kill(os.getpid(), signal.SIGTERM)

    task.before_step = counting  # type: ignore[method-assign]


def test_every_parameter_moves(tmp_path: Path) -> None:
    import torch

    config = make_config(tmp_path)
    task = DualTask(config, tmp_path / "work")
    before = {name: value.detach().clone() for name, value in task.module.named_parameters()}
    optimizer = torch.optim.AdamW(task.parameter_groups(), lr=1e-3)
    for batch in task.batches(0, 0, Shard()):
        task.before_step(0)
        sum(task.module(batch).values()).backward()  # type: ignore[union-attr]
    optimizer.step()
    task.refresh()
    task.calibrate()
    still = [name for name, value in task.module.named_parameters() if torch.equal(value, before[name])]
    assert still and all(name.startswith("wide_") for name in still)  # those are fitted when a run begins
    assert task.module.wide_emotion.table.weight.abs().max() > 0


def test_batches_are_the_same_however_often_asked(tmp_path: Path) -> None:
    task = DualTask(make_config(tmp_path), tmp_path / "work")
    once = [batch.ids.tolist() for batch in task.batches(1, 0, Shard())]
    later = [batch.ids.tolist() for batch in task.batches(1, 3, Shard())]
    assert once[3:] == later
    assert once != [batch.ids.tolist() for batch in task.batches(0, 0, Shard())]
    shards = [[b.ids.tolist() for b in task.batches(1, 0, Shard(i, 2))] for i in (0, 1)]
    assert len(shards[0]) == len(shards[1]) == task.steps(Shard(0, 2))
    assert [row for pair in zip(*shards, strict=True) for row in pair] == once[: 2 * len(shards[0])]


def test_missing_data_are_named(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    (tmp_path / "chat" / "train.jsonl").unlink()
    with pytest.raises(InputError, match=r"source 'chat'.*no train.jsonl"):
        DualTask(config, tmp_path / "work")


def test_a_checkpoint_in_the_place_of_another_is_opened_anew(
    trained: tuple[DualTask, Path], tmp_path: Path
) -> None:
    """Else new heads would read the old tower."""
    import shutil

    from trainers.dual.export import save_checkpoint

    task, checkpoint = trained
    place = tmp_path / "best"
    shutil.copytree(checkpoint, place)
    old = load_ranker(place)
    assert isinstance(old, DualRanker)
    shutil.rmtree(place)
    place.mkdir()
    layer = task.module.reader.tower.encoder.layer[0].output.dense.weight.data
    before = layer.clone()
    layer.mul_(-1)
    save_checkpoint(task, place, {})
    layer.copy_(before)
    new, same = load_ranker(place), load_ranker(place)
    assert isinstance(new, DualRanker) and isinstance(same, DualRanker)
    assert new.text is not old.text and new.text is same.text
    features = [one.encode_stickers(task.stickers)["vector"] for one in (old, new)]
    assert np.abs(features[0] - features[1]).max() > 0.01


def test_a_start_that_is_no_bert(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    (tmp_path / "bert" / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"no tokenizer\.json"):
        DualTask(config, tmp_path / "work")


@pytest.mark.parametrize("name", ["model.safetensors", "graph.onnx", "tokenizer.json"])
def test_a_torn_checkpoint_is_refused(trained: tuple[DualTask, Path], tmp_path: Path, name: str) -> None:
    import shutil

    _, checkpoint = trained
    copy = tmp_path / "copy"
    shutil.copytree(checkpoint, copy)
    data = (copy / name).read_bytes()
    (copy / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match=name.split(".")[0]):
        load_ranker(copy)
