"""Averages of checkpoints: the mean of their weights, and nothing else is averaged."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1]))

from dual_world import make_config

from retriever.cli.app import app
from retriever.errors import InputError, ModelError
from retriever.rankers import load_ranker
from retriever.rankers.dual.ranker import DualRanker
from retriever.types import Conversation
from trainers.dual.config import DualConfig
from trainers.dual.model import PARTS
from trainers.dual.soup import average
from trainers.dual.task import DualTask
from trainers.loop import train
from trainers.parts.int8 import load_weights

TALK = Conversation.from_texts("what a day", "i am so happy we won")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs from one start, with other rates; the second has no n-grams for emotions."""
    root = tmp_path_factory.mktemp("soup")
    config = make_config(root)
    other = config.train.model_copy(update={"lr": 1e-3})
    runs: list[DualConfig] = [config, config.model_copy(update={"train": other, "wide": ("emoji",)})]
    found = []
    for number, own in enumerate(runs):
        folder = root / f"run{number}"
        task = DualTask(own, folder / "work")
        found.append(train(task, own.train, folder, show_progress=False).checkpoint)
    return found


def test_weights_are_the_mean(two: list[Path], tmp_path: Path) -> None:
    average(two, [1.0, 3.0], tmp_path / "out")
    first, second, found = (load_weights(folder / "model.safetensors") for folder in (*two, tmp_path / "out"))
    assert found.keys() == second.keys() and "wide_emotion.weight" in first.keys() - found.keys()
    shut = PARTS.index("wide_emotion")
    for name, value in found.items():
        mean = 0.25 * first[name] + 0.75 * second[name]
        if name == "gates":
            assert first[name][:, shut].any() and not value[:, shut].any()
            mean[:, shut] = 0
        step = np.abs(mean).max() / 127 if value.ndim == 2 else 0  # of int8
        np.testing.assert_allclose(value, mean, atol=step / 2 + 1e-6, err_msg=name)
    assert not np.allclose(first["heads.emotion.weight"], second["heads.emotion.weight"])


def test_the_average_of_one_with_itself_scores_alike(two: list[Path], tmp_path: Path) -> None:
    average([two[0], two[0]], [1.0, 1.0], tmp_path / "out")
    one, both = load_ranker(two[0]), load_ranker(tmp_path / "out")
    assert isinstance(one, DualRanker) and isinstance(both, DualRanker)
    for ask in (TALK, Conversation.from_texts("oh no my cat is lost")):
        expected, found = one.expected(ask), both.expected(ask)
        assert all(found[kind] == pytest.approx(expected[kind], abs=1e-5) for kind in expected)


def test_from_the_command_line(two: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["average", *map(str, two), "--share", "0.3", "--share", "0.7", "--out", str(out)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    load_ranker(out)
    told = json.loads((out / "training.json").read_text())
    assert [member["share"] for member in told["average_of"]] == [0.3, 0.7]
    assert "Nothing was measured" in (out / "README.md").read_text()
    assert json.loads((out / "config.json").read_text())["validation"] == {}


def test_one_is_no_average(two: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="two or more"):
        average(two[:1], [1.0], tmp_path / "out")


@pytest.mark.parametrize("shares", [[1.0], [1.0, 0.0], [1.0, -1.0], [1.0, float("nan")], [1.0, float("inf")]])
def test_shares_that_do_not_fit(two: list[Path], tmp_path: Path, shares: list[float]) -> None:
    with pytest.raises(InputError, match="2 numbers above 0"):
        average(two, shares, tmp_path / "out")


def test_nothing_is_written_over(two: list[Path], tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("dear")
    with pytest.raises(InputError, match="something in it"):
        average(two, [1.0, 1.0], tmp_path)
    assert (tmp_path / "mine").read_text() == "dear"


def test_half_an_average_is_none(two: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr("trainers.dual.soup.build_graph", stop)
    with pytest.raises(KeyboardInterrupt):
        average(two, [1.0, 1.0], tmp_path / "out")
    assert not any(tmp_path.iterdir())


def _change(key: str, value: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {key: value}))

    return change


def _cut(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])


def _respell(folder: Path) -> None:
    (folder / "tokenizer.json").write_text((folder / "tokenizer.json").read_text() + " ")


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (_change("emoji", ["x"]), "differs in emoji"),
        (_change("turns", 7), "in turns .*7, expected 3"),
        (_change("family", "pbr"), "a pbr ranker"),
        (_respell, "another tokenizer"),
        (_cut, "cannot be read"),
    ],
)
def test_what_does_not_go_together(
    two: list[Path], tmp_path: Path, harm: Callable[[Path], None], message: str
) -> None:
    other = tmp_path / "other"
    shutil.copytree(two[1], other)
    harm(other)
    with pytest.raises(ModelError, match=message):
        average([two[0], other], [1.0, 1.0], tmp_path / "out")
    assert not (tmp_path / "out").exists()
