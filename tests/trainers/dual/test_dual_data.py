"""What the dual ranker is given to read: rows of any shape, too few of them, settings that do not fit."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from dual_world import make_config, write

from retriever.errors import InputError, ModelError
from trainers.dual.config import DualConfig
from trainers.dual.data import Example, is_comments, read_comments, split_off
from trainers.dual.task import DualTask
from trainers.families.registry import family

GOOD = b'{"text": "I won", "labels": ["joy"]}\n'


def changed(config: DualConfig, **update: Any) -> DualConfig:
    return DualConfig(**{**config.model_dump(), **update})


def test_line_separators_inside_a_comment_are_part_of_it(tmp_path: Path) -> None:
    texts = ["one\u2028two", "three\u0085four", "five\u000bsix"]
    rows = [json.dumps({"text": text, "labels": ["joy"]}, ensure_ascii=False) for text in texts]
    (tmp_path / "train.jsonl").write_text("\n\n".join(rows), encoding="utf-8")
    assert is_comments(tmp_path)
    assert [comment.text for comment in read_comments(tmp_path, "train")] == [
        "one\u2028two", "three\u0085four", "five\u000bsix",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (b"{half", r"line 3: expected an object in JSON, UTF-8 \("),
        (b'{"text": "\xff"}', r"line 3: expected an object in JSON, UTF-8 \("),
        (b"5", "line 3: expected an object in JSON, got 5"),
        (b'{"text": 5, "labels": ["joy"]}', "line 3: expected text, a string, and labels, a list; got "),
        (b'{"text": "a", "labels": "joy"}', "line 3: expected text, a string, and labels, a list; got "),
        (b'{"labels": ["joy"]}', "line 3: expected text, a string, and labels, a list; got "),
        (b'{"text": "a", "labels": ["glee"]}', "line 3: 'glee' is none of the 28 intentions"),
        (b'{"text": "a", "labels": [["joy"]]}', r"line 3: \['joy'\] is none of the 28 intentions"),
    ],
)
def test_a_row_of_another_shape_is_named(tmp_path: Path, row: bytes, told: str) -> None:
    config = make_config(tmp_path)
    (tmp_path / "comments" / "train.jsonl").write_bytes(GOOD + b"\n" + row + b"\n")
    with pytest.raises(InputError, match=rf"comments/train.jsonl, {told}"):
        DualTask(config, tmp_path / "work")


@pytest.mark.parametrize("first", [b"{half", b"5", b"\xff"])
def test_a_first_row_that_is_no_object(tmp_path: Path, first: bytes) -> None:
    config = make_config(tmp_path)
    (tmp_path / "chat" / "train.jsonl").write_bytes(first + b"\n")
    with pytest.raises(InputError, match=r"chat/train.jsonl, line 1: expected an object in JSON"):
        DualTask(config, tmp_path / "work")


def test_a_blank_first_line_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(b"\n" + GOOD)
    assert is_comments(tmp_path) and len(read_comments(tmp_path, "train")) == 1


@pytest.mark.parametrize("source", ["chat", "comments"])
def test_a_source_without_rows(tmp_path: Path, source: str) -> None:
    config = make_config(tmp_path)
    write(tmp_path / source / "train.jsonl", [])
    with pytest.raises(InputError, match=rf"source '{source}': .* has no row to train on"):
        DualTask(config, tmp_path / "work")


def test_nothing_to_choose_a_checkpoint_by(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    for source in ("chat", "posts"):
        (tmp_path / source / "valid.jsonl").unlink()
    with pytest.raises(InputError, match=r"no validation row of chat, posts, comments has candidates"):
        DualTask(config, tmp_path / "work")


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "chat" / "valid.jsonl").read_text().splitlines()]
    del rows[0]["candidates"]
    rows[1]["candidates"] = [c for c in rows[1]["candidates"] if c != rows[1]["sticker"]]
    rows[2]["sticker"] = rows[2]["candidates"][0] = "tiny/gone"
    write(tmp_path / "chat" / "valid.jsonl", rows)
    with (tmp_path / "comments" / "train.jsonl").open("a") as file:
        file.write('{"text": "  ", "labels": ["joy"]}\n{"text": "a", "labels": []}\n')
    (tmp_path / "pack" / "images" / "rain.png").unlink()
    dual = family("dual")
    built = dual.build(dual.config(**config.model_dump()), tmp_path / "work", False)
    assert built.notes == {
        "stickers_left_out": 1, "comments/left_out": 2, "chat/valid_left_out": 3, "posts/valid_left_out": 0,
        "chat/held_out": 12, "posts/held_out": 12, "comments/held_out": 12,
    }  # fmt: skip


def rows_of(count: int) -> list[Example]:
    return [Example(([0], 0), np.zeros(1, np.int64), None, None, (), "s", str(n)) for n in range(count)]


@pytest.mark.parametrize("share", [0.05, 0.1, 0.25, 0.3, 0.4, 0.45])
def test_a_share_is_held_out_in_blocks(share: float) -> None:
    kept, held = split_off(rows_of(6000), share, block=5)
    assert len(held) == round(share * 6000) and len(kept) == 6000 - len(held)
    numbers = np.array([int(row.text) for row in held]).reshape(-1, 5)
    assert (np.diff(numbers, axis=1) == 1).all() and (numbers[:, 0] % 5 == 0).all()
    if share == 0.05:  # which the ranker that ships was trained with
        assert numbers[:3, 0].tolist() == [95, 195, 295]


@pytest.mark.parametrize(("count", "few"), [(2, 1), (30, 2), (200, 10)])
def test_of_few_rows_the_last_are_held_out(count: int, few: int) -> None:
    kept, held = split_off(rows_of(count), 0.05)
    assert [int(row.text) for row in kept + held] == list(range(count)) and len(held) == few
    assert split_off(rows_of(1), 0.05)[1] == []


def test_nothing_held_out_that_gates_could_be_fitted_on(tmp_path: Path) -> None:
    """Each source's held-out rows are its last twelve: chats without label, comments of several emotions."""
    config = make_config(tmp_path)
    for source, other in (("chat", {}), ("posts", {}), ("comments", {"labels": ["joy", "anger"]})):
        file = tmp_path / source / "train.jsonl"
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        for row in rows[-12:]:
            row.pop("emotion", None)
            row.pop("emoji", None)
            row.update(other)
        write(file, rows)
    with pytest.raises(InputError, match="no held-out row has an emotion or an emoji"):
        DualTask(config, tmp_path / "work")


@pytest.mark.parametrize(
    ("update", "kind", "told"),
    [
        ({"layers": 3}, InputError, "layers is 3, but .*bert has 2 layers"),
        ({"vocabulary": 100}, InputError, r"vocabulary is 100, but .* always stay, are \d+; allow for"),
        ({"anchor": "nowhere"}, ModelError, "anchor nowhere cannot be read"),
    ],
)
def test_settings_that_do_not_fit(tmp_path: Path, update: Any, kind: Any, told: str) -> None:
    config = changed(make_config(tmp_path), **update)
    with pytest.raises(kind, match=told):
        DualTask(config, tmp_path / "work")
