"""A panel of dual rankers: the weighted mean of what they say, whatever their towers."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[3] / "trainers"))

from dual_world import make_config, make_mpnet

from retriever.cli.app import app
from retriever.errors import InputError, ModelError
from retriever.rankers import load_ranker
from retriever.rankers.base import DenseRanker, Expecting, take
from retriever.rankers.cache import FeatureCache
from retriever.rankers.dual.panel import Panel, write_panel
from retriever.types import Conversation, Sticker
from trainers.dual.task import DualTask
from trainers.loop import train

TALKS = [
    Conversation.from_texts("what a day", "i am so happy we won"),
    Conversation.from_texts("oh no my cat is lost"),
]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A ranker that reads markers with a BERT, and one that reads words with an MPNet."""
    root = tmp_path_factory.mktemp("panel")
    first = make_config(root, epochs=6)
    mpnet = str(make_mpnet(root / "mpnet"))
    second = first.model_copy(update={"start": mpnet, "reading": "words", "vocabulary": 500, "wide": ()})
    found = []
    for number, config in enumerate((first, second)):
        folder = root / f"run{number}"
        task = DualTask(config, folder / "work")
        found.append(train(task, config.train, folder, show_progress=False).checkpoint)
    return found


@pytest.fixture(scope="module")
def panel(two: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "panel"
    write_panel(two, [1.0, 3.0], out)
    return out


def stickers() -> list[Sticker]:
    labels = {
        "grin": ("happiness", "😂"),
        "tears": ("sadness", "😢"),
        "red": ("anger", "😡"),
        "plain": (None, None),
    }
    return [
        Sticker(f"p/{name}", "p", name, "", name={"en": name}, emotion=emotion, emoji=emoji)
        for name, (emotion, emoji) in labels.items()
    ]


def test_its_score_is_the_mean(two: list[Path], panel: Path) -> None:
    whole = load_ranker(panel)
    members = [load_ranker(folder) for folder in two]
    assert isinstance(whole, Panel) and isinstance(whole, DenseRanker)
    features = whole.encode_stickers(stickers())
    for talk in TALKS:
        each = [member.score(talk, member.encode_stickers(stickers())) for member in members]
        assert not np.allclose(*each, atol=0.05)
        np.testing.assert_allclose(whole.score(talk, features), 0.25 * each[0] + 0.75 * each[1], atol=1e-6)


def test_what_it_expects_is_the_geometric_mean(two: list[Path], panel: Path) -> None:
    whole = load_ranker(panel)
    assert isinstance(whole, Expecting)
    for talk in TALKS:
        found = whole.expected(talk)["emotion"]
        each = [load_ranker(folder).expected(talk)["emotion"] for folder in two]  # type: ignore[attr-defined]
        product = {label: each[0][label] ** 0.25 * each[1][label] ** 0.75 for label in found}
        total = sum(product.values())
        assert found == pytest.approx({label: value / total for label, value in product.items()}, abs=1e-6)
        assert sum(found.values()) == pytest.approx(1)


def test_it_scores_one_as_it_scores_many_and_features_can_be_kept(panel: Path, tmp_path: Path) -> None:
    whole = load_ranker(panel)
    many = whole.score(TALKS[0], FeatureCache(whole, tmp_path)(stickers()))
    kept = FeatureCache(load_ranker(panel), tmp_path)(stickers())
    np.testing.assert_allclose(whole.score(TALKS[0], kept), many, atol=1e-9)
    for row in range(len(many)):
        alone = whole.score(TALKS[0], take(kept, np.array([row])))
        np.testing.assert_allclose(alone, many[row : row + 1], atol=1e-5)


def test_from_the_command_line_and_moved(two: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["panel", *map(str, two), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "0.50" in (out / "README.md").read_text()
    moved = shutil.move(out, tmp_path / "elsewhere")
    before, after = load_ranker(moved), load_ranker(moved)
    assert before.model_id == after.model_id
    assert before.model_id.startswith("panel@")


def test_other_shares_are_another_panel(two: list[Path], panel: Path, tmp_path: Path) -> None:
    write_panel(two, [3.0, 1.0], tmp_path / "other")
    assert load_ranker(tmp_path / "other").model_id != load_ranker(panel).model_id


@pytest.mark.parametrize("shares", [[1.0], [1.0, 0.0], [1.0, float("nan")], [1.0, float("inf")]])
def test_shares_that_do_not_fit(two: list[Path], tmp_path: Path, shares: list[float]) -> None:
    with pytest.raises(InputError, match="2 numbers above 0"):
        write_panel(two, shares, tmp_path / "out")


def test_one_is_no_panel_and_nothing_is_written_over(two: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a panel takes two or more"):
        write_panel(two[:1], [1.0], tmp_path / "out")
    (tmp_path / "mine").write_text("dear")
    with pytest.raises(InputError, match="something in it"):
        write_panel(two, [1.0, 1.0], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_half_a_panel_is_none(two: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("retriever.rankers.dual.panel.write_json", stop)
    with pytest.raises(KeyboardInterrupt):
        write_panel(two, [1.0, 1.0], tmp_path / "out")
    assert not any(tmp_path.iterdir())


def _swap(folder: Path) -> None:
    shutil.move(folder / "0", folder / "2")
    shutil.move(folder / "1", folder / "0")
    shutil.move(folder / "2", folder / "1")


def _say(value: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"members": value}))

    return change


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (_swap, "is not the dual@"),
        (lambda folder: shutil.rmtree(folder / "1"), "no checkpoint at"),
        (_say([]), "names no members"),
        (_say("x"), "names no members"),
        (_say([{"checkpoint": "dual@1", "share": "much"}]), "names no members"),
    ],
)
def test_what_is_no_panel(panel: Path, tmp_path: Path, harm: Callable[[Path], object], message: str) -> None:
    other = tmp_path / "other"
    shutil.copytree(panel, other)
    harm(other)
    with pytest.raises(ModelError, match=message):
        load_ranker(other)


def test_members_are_dual(two: list[Path], panel: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is a panel ranker"):
        write_panel([two[0], panel], [1.0, 1.0], tmp_path / "out")
    assert not (tmp_path / "out").exists()
