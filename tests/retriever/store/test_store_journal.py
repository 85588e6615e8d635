"""The journal: torn at every byte, damaged in the middle, repaired without deleting."""

import json
from pathlib import Path

import pytest

from retriever.errors import LibraryDamaged
from retriever.store import journal
from retriever.store.journal import JournalWriter, cut_torn_tail, set_aside_damage

ROWS = [
    {"id": "猫/1", "n": 1},
    {"id": "b", "nested": {"a": [1, 2]}},
    {"id": "", "text": 'line\nbreak "quoted"'},
]


def write(path: Path, rows: list[dict[str, object]]) -> None:
    with JournalWriter(path) as writer:
        for row in rows:
            writer.append(row)


def test_rows_come_back_in_order(tmp_path: Path) -> None:
    write(tmp_path / "j", ROWS[:2])
    write(tmp_path / "j", ROWS[2:])
    assert list(journal.read(tmp_path / "j")) == ROWS


def test_an_absent_journal_is_empty(tmp_path: Path) -> None:
    assert list(journal.read(tmp_path / "none")) == []
    assert cut_torn_tail(tmp_path / "none") == set_aside_damage(tmp_path / "none") == 0


def test_torn_at_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "j"
    write(path, ROWS)
    whole = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        finished = sum(end <= size for end in ends)
        assert list(journal.read(path)) == ROWS[:finished]
        write(path, [{"id": "after"}])
        assert list(journal.read(path)) == [*ROWS[:finished], {"id": "after"}]


def test_a_torn_tail_longer_than_a_block_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_bytes(b'{"a":1}\n' + b"x" * 200_000)
    assert cut_torn_tail(path) == 200_000
    assert path.read_bytes() == b'{"a":1}\n'
    path.write_bytes(b"x" * 200_000)
    assert cut_torn_tail(path) == 200_000
    assert path.read_bytes() == b""


@pytest.mark.parametrize("bad", [b"{not json}", b"", b"[1]", b"\xff\xfe", b"\0" * 30, b"[" * 100_000])
def test_a_damaged_line_is_named_and_set_aside(tmp_path: Path, bad: bytes) -> None:
    path = tmp_path / "j"
    path.write_bytes(b'{"a":1}\n' + bad + b'\n{"b":2}\n{"torn')
    with pytest.raises(LibraryDamaged, match=r"line 2.*sticker doctor --repair"):
        list(journal.read(path))
    assert set_aside_damage(path) == 1
    assert list(journal.read(path)) == [{"a": 1}, {"b": 2}]
    assert (tmp_path / "j.damaged").read_bytes() == bad + b"\n"
    assert set_aside_damage(path) == 0


def test_what_was_set_aside_before_stays(tmp_path: Path) -> None:
    path = tmp_path / "j"
    for bad in (b"first", b"second"):
        path.write_bytes(bad + b"\n")
        set_aside_damage(path)
    assert (tmp_path / "j.damaged").read_bytes() == b"first\nsecond\n"


def test_a_row_of_another_kind_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "j"
    write(path, [{"id": "a"}, {"other": 1}])

    def has_id(row: journal.Row) -> bool:
        return "id" in row

    with pytest.raises(LibraryDamaged, match="line 2"):
        list(journal.read(path, has_id))
    assert set_aside_damage(path, has_id) == 1
    assert list(journal.read(path, has_id)) == [{"id": "a"}]


def test_rewrite_replaces_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "j"
    journal.rewrite(path, ROWS)
    assert list(journal.read(path)) == ROWS

    def fails() -> object:
        yield ROWS[0]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        journal.rewrite(path, fails())  # type: ignore[arg-type]
    assert list(journal.read(path)) == ROWS


def test_rows_appended_before_an_error_are_kept(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), JournalWriter(tmp_path / "j") as writer:
        writer.append({"a": 1})
        raise RuntimeError
    assert list(journal.read(tmp_path / "j")) == [{"a": 1}]


def test_needs_a_with_block(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="with"):
        JournalWriter(tmp_path / "j").append({})


def test_lines_are_plain_json(tmp_path: Path) -> None:
    write(tmp_path / "j", [{"name": "猫"}])
    text = (tmp_path / "j").read_text(encoding="utf-8")
    assert text == '{"name":"猫"}\n'
    assert json.loads(text) == {"name": "猫"}
