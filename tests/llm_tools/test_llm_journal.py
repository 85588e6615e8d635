import json
import multiprocessing
import os
import signal
import time

import pytest

from llm_tools.journal import Journal, single_writer
from retriever.errors import LibraryLocked


async def write(path, rows, **settings):
    async with Journal(path, **settings) as journal:
        for row in rows:
            journal.append(row)


@pytest.mark.parametrize("fsync", ["always", "interval", "never"])
async def test_rows_come_back_in_order_and_across_openings(tmp_path, fsync):
    path = tmp_path / "deep" / "rows.jsonl"
    await write(path, [{"n": 1}, {"n": "二\n"}], fsync=fsync)
    await write(path, [{"n": 3}], fsync=fsync)
    assert list(Journal(path).rows()) == [{"n": 1}, {"n": "二\n"}, {"n": 3}]
    assert path.read_text(encoding="utf-8").count("\n") == 3


async def test_a_row_is_in_the_file_before_the_journal_closes(tmp_path):
    path = tmp_path / "rows.jsonl"
    async with Journal(path, "never") as journal:
        journal.append({"n": 1})
        assert path.read_bytes() == b'{"n":1}\n'


@pytest.mark.parametrize("torn", [b'{"n"', b"{", b'{"n": 2}'])
async def test_a_torn_tail_is_neither_read_nor_kept(tmp_path, torn):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"n": 1}\n' + torn)
    assert list(Journal(path).rows()) == [{"n": 1}]
    await write(path, [{"n": 3}])
    assert [json.loads(line) for line in path.read_bytes().splitlines()] == [{"n": 1}, {"n": 3}]


async def test_a_full_disk_leaves_no_half_row(tmp_path, monkeypatch):
    path = tmp_path / "rows.jsonl"
    real = os.write
    async with Journal(path, "never") as journal:
        journal.append({"n": 1})
        monkeypatch.setattr(os, "write", lambda file, data: real(file, data[:3]))
        with pytest.raises(OSError, match="only 3 of 8 bytes"):
            journal.append({"n": 2})
        monkeypatch.undo()
        journal.append({"n": 3})
    assert list(Journal(path).rows()) == [{"n": 1}, {"n": 3}]


def hold(path, ready):
    with single_writer(path):
        ready.set()
        time.sleep(60)


def test_a_second_writer_is_refused_with_the_name_of_the_first_and_freed_by_its_death(tmp_path):
    path = tmp_path / "rows.jsonl"
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    holder = spawn.Process(target=hold, args=(path, ready))
    holder.start()
    try:
        assert ready.wait(60)
        with pytest.raises(LibraryLocked, match=f"process {holder.pid} on "), single_writer(path):
            pass
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.join()
    with single_writer(path):
        note = json.loads((tmp_path / "rows.jsonl.holder").read_text())
        assert note["pid"] == os.getpid()
    assert not (tmp_path / "rows.jsonl.holder").exists()
