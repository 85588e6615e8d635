"""Training that goes on from a checkpoint: with its weights, and only where it is of the same make."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

sys.path.insert(0, str(Path(__file__).parents[1]))

from dual_world import make_config

from retriever.errors import ModelError
from retriever.rankers import load_ranker
from trainers.dual.config import DualConfig
from trainers.dual.export import tensors
from trainers.dual.task import DualTask
from trainers.families.registry import family
from trainers.loop import train
from trainers.parts.int8 import load_weights


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[DualConfig, Path]:
    root = tmp_path_factory.mktemp("begin")
    config = make_config(root, epochs=6)
    task = DualTask(config, root / "run" / "work")
    return config, train(task, config.train, root / "run", show_progress=False).checkpoint


def second(config: DualConfig, checkpoint: Path, **other: object) -> DualConfig:
    return config.model_copy(update={"checkpoint": str(checkpoint), **other})


def test_it_begins_with_the_weights_of_the_checkpoint(first: tuple[DualConfig, Path], tmp_path: Path) -> None:
    config, checkpoint = first
    task = DualTask(second(config, checkpoint), tmp_path)
    stored = load_weights(checkpoint / "model.safetensors")
    own = tensors(task, int8=False)
    learnt = [name for name in stored if not name.startswith(("wide_", "gates", "other_"))]
    assert {name.split(".")[0] for name in learnt} >= {"heads", "embeddings", "encoder"}
    for name in learnt:
        np.testing.assert_allclose(own[name], stored[name], atol=1e-6, err_msg=name)
    fresh = tensors(DualTask(config, tmp_path / "fresh"), int8=False)
    assert not np.allclose(fresh["heads.emotion.weight"], own["heads.emotion.weight"])


def test_what_was_learnt_is_still_known_and_training_goes_on(
    first: tuple[DualConfig, Path], tmp_path: Path
) -> None:
    config, checkpoint = first
    before = json.loads((checkpoint / "config.json").read_text())["validation"]["posts/R@1"]
    once = config.train.model_copy(update={"epochs": 1, "lr": 1e-4})
    own = second(config, checkpoint, train=once)
    outcome = train(DualTask(own, tmp_path / "work"), once, tmp_path, show_progress=False)
    after = json.loads((outcome.checkpoint / "config.json").read_text())["validation"]["posts/R@1"]
    assert before > 90 and after > 90  # of six: an epoch from nothing does not get there
    ends = [load_weights(folder / "model.safetensors") for folder in (checkpoint, outcome.checkpoint)]
    assert not np.allclose(*(weights["heads.emotion.weight"] for weights in ends))


def test_n_grams_that_the_checkpoint_lacks_are_fitted(first: tuple[DualConfig, Path], tmp_path: Path) -> None:
    config, _ = first
    narrow = config.model_copy(update={"wide": ("emoji",)})
    run = train(DualTask(narrow, tmp_path / "work"), narrow.train, tmp_path / "run", show_progress=False)
    assert "wide_emotion.weight" not in load_weights(run.checkpoint / "model.safetensors")
    task = DualTask(second(config, run.checkpoint), tmp_path / "again")
    assert task.module.wide_emotion.table.weight.any()


def test_heads_on_a_frozen_tower_begin_as_they_were(first: tuple[DualConfig, Path], tmp_path: Path) -> None:
    config, checkpoint = first
    still = config.train.model_copy(update={"frozen": ("reader",), "max_steps": 1, "lr": 1e-9})
    own = second(config, checkpoint, train=still)
    outcome = train(DualTask(own, tmp_path / "work"), still, tmp_path, show_progress=False)
    before, after = (
        load_weights(folder / "model.safetensors") for folder in (checkpoint, outcome.checkpoint)
    )
    for name in (name for name in before if name.startswith("heads.")):
        np.testing.assert_allclose(after[name], before[name], atol=1e-5, err_msg=name)


def test_without_steps_n_grams_and_gates_are_fitted_and_nothing_else_changes(
    first: tuple[DualConfig, Path], tmp_path: Path
) -> None:
    """As for an average, whose n-grams and gates are means of what was fitted to other weights."""
    config, checkpoint = first
    marred = tmp_path / "marred"
    shutil.copytree(checkpoint, marred)
    stored = load_file(marred / "model.safetensors")
    spoilt = {
        name: np.zeros_like(value) for name, value in stored.items() if name.startswith(("wide_", "gates"))
    }
    save_file({**stored, **spoilt}, marred / "model.safetensors")
    none = config.train.model_copy(update={"max_steps": 0})
    own = second(config, marred, train=none)
    outcome = train(DualTask(own, tmp_path / "work"), none, tmp_path / "run", show_progress=False)
    assert outcome.finished and outcome.step == 0
    before, after = (
        load_weights(folder / "model.safetensors") for folder in (checkpoint, outcome.checkpoint)
    )
    assert before.keys() == after.keys() and "gates" in spoilt
    for name in before.keys() - {"gates", "other_emoji"}:
        np.testing.assert_allclose(after[name], before[name], atol=1e-3, err_msg=name)
    assert after["gates"].any() and outcome.metrics["posts/R@1"] > 90


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"turns": 2}, "in turns"),
        ({"layers": 1}, "in num_hidden_layers"),
    ],
)
def test_another_make_is_refused(
    first: tuple[DualConfig, Path], tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    config, checkpoint = first
    with pytest.raises(ModelError, match=message):
        DualTask(second(config, checkpoint, **changes), tmp_path)


def test_other_labels_are_refused(first: tuple[DualConfig, Path], tmp_path: Path) -> None:
    config, checkpoint = first
    fewer = {"chat": config.sources["chat"]}
    with pytest.raises(ModelError, match="domains, emoji"):
        DualTask(second(config, checkpoint, sources=fewer), tmp_path)


def test_what_is_not_whole_is_refused(first: tuple[DualConfig, Path], tmp_path: Path) -> None:
    config, checkpoint = first
    half = tmp_path / "half"
    shutil.copytree(checkpoint, half)
    (half / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match="another tokenizer"):
        DualTask(second(config, half), tmp_path / "work")
    (half / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        DualTask(second(config, half), tmp_path / "work")
    shutil.copytree(checkpoint, half, dirs_exist_ok=True)
    whole = (half / "model.safetensors").read_bytes()
    (half / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="cannot be read"):
        DualTask(second(config, half), tmp_path / "work")


def test_heads_with_another_layer_are_another_make(first: tuple[DualConfig, Path], tmp_path: Path) -> None:
    config, checkpoint = first
    other = second(config, checkpoint, heads=config.heads.model_copy(update={"hidden": 8}))
    with pytest.raises(ModelError, match=r"best has weights of another architecture \(.*emotion\.up"):
        DualTask(other, tmp_path / "work")


def test_a_run_says_what_it_went_on_from(first: tuple[DualConfig, Path], tmp_path: Path) -> None:
    config, checkpoint = first
    dual = family("dual")
    own = second(config, checkpoint)
    built = dual.build(dual.config(**own.model_dump()), tmp_path / "work", False)
    assert built.data["checkpoint run/best"] in load_ranker(checkpoint).model_id
    nowhere = second(config, tmp_path / "nowhere")
    with pytest.raises(ModelError, match=r"there is no checkpoint at .*nowhere; give a folder"):
        dual.build(dual.config(**nowhere.model_dump()), tmp_path / "other", False)
    assert not (tmp_path / "other").exists()
