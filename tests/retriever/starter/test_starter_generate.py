"""Any number of stickers: distinct, reproducible, and finished after being killed in the middle."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from retriever.errors import InputError
from retriever.labels import EMOTIONS, INTENTIONS
from retriever.starter.generate import generate
from retriever.starter.sample import BLOCK, SIZES, place, sample_spec

COUNT, SIZE = 300, 48
COMMAND = [sys.executable, "-m", "retriever.starter.generate"]


def tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def rows_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "stickers.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("generated") / "whole"
    assert generate(out, COUNT, size=SIZE, workers=1) == COUNT
    return out


def test_all_images_are_distinct(whole: Path) -> None:
    images = {name: digest for name, digest in tree(whole).items() if name.startswith("images/")}
    assert len(images) == COUNT
    assert len(set(images.values())) == COUNT


def test_rows_are_valid_and_packs_hold_about_fifty(whole: Path) -> None:
    rows = rows_of(whole)
    assert len({row["id"] for row in rows}) == COUNT
    assert all((whole / row["image"]).is_file() for row in rows)
    assert all(row["emotion"] in EMOTIONS and row["intention"] in INTENTIONS for row in rows)
    assert [size for _, size in Counter(row["pack"] for row in rows).most_common(3)] == [59, 56, 53]


def test_the_same_again_changes_nothing(whole: Path) -> None:
    before = tree(whole)
    generate(whole, COUNT, size=SIZE, workers=1)
    assert tree(whole) == before


def test_several_processes_give_the_same(whole: Path, tmp_path: Path) -> None:
    generate(tmp_path / "two", 450, size=SIZE, workers=2)
    two = tree(tmp_path / "two")
    assert {name: two[name] for name in tree(whole) if name.startswith("images/")}.items() <= tree(
        whole
    ).items()


def test_killed_in_the_middle_it_resumes_to_the_same(whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    command = [
        sys.executable,
        "-m",
        "retriever.starter.generate",
        str(out),
        "--count",
        str(COUNT),
        "--size",
        str(SIZE),
        "--workers",
        "1",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(list(out.glob("images/*/*.webp"))) < 60:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (out / "stickers.jsonl").exists()
    (out / "images/0000/torn.webp.part").write_bytes(b"RIFF")  # what a kill between write and rename leaves
    kept = {path: path.stat().st_mtime_ns for path in out.glob("images/*/*.webp")}
    assert 60 <= len(kept) < COUNT
    subprocess.run(command, check=True, capture_output=True)
    assert tree(out) == tree(whole)
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in kept.items())


def test_an_image_like_an_earlier_one_is_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from retriever.starter import generate as module

    def almost(index: int, seed: int = 0, attempt: int = 0):
        return sample_spec(0 if not attempt else index, seed, attempt)

    def named(index, spec):
        return f"images/0000/{index}.webp"

    monkeypatch.setattr(module, "sample_spec", almost)
    monkeypatch.setattr(module, "_image_of", named)
    generate(tmp_path, 4, size=SIZE, workers=1)
    digests = [digest for name, digest in tree(tmp_path).items() if name.startswith("images/")]
    assert len(digests) == len(set(digests)) == 4


def test_folders_hold_a_thousand_and_packs_never_cross_them() -> None:
    assert sum(SIZES) == BLOCK == 1000
    folders = Counter(place(index)[1] for index in range(3500))
    assert folders == {0: 1000, 1: 1000, 2: 1000, 3: 500}
    assert (
        len({place(index) for index in range(3000)}) == len({place(index)[0] for index in range(3000)}) == 60
    )


def test_seeds_and_indices_give_different_specs() -> None:
    specs = {sample_spec(index, seed)[1].look for index in range(100) for seed in (0, 1)}
    assert len(specs) == 200
    assert sample_spec(7, 3) == sample_spec(7, 3)


def test_other_settings_in_the_same_folder_are_refused(whole: Path) -> None:
    with pytest.raises(InputError, match="give another folder"):
        generate(whole, COUNT, size=SIZE + 1)
    with pytest.raises(InputError, match="give another folder"):
        generate(whole, COUNT, seed=1, size=SIZE)


def test_a_foreign_pack_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "stickers.jsonl").write_text("mine\n")
    with pytest.raises(InputError, match="not drawn here"):
        generate(tmp_path, 5, size=SIZE)
    assert (tmp_path / "stickers.jsonl").read_text() == "mine\n"


@pytest.mark.parametrize(("count", "size"), [(0, 64), (-3, 64), (5, 8), (5, 5000)])
def test_numbers_out_of_range_are_refused(tmp_path: Path, count: int, size: int) -> None:
    with pytest.raises(InputError, match="expected"):
        generate(tmp_path / "out", count, size=size)
    assert not (tmp_path / "out").exists()


def test_the_command_says_what_is_wrong_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "retriever.starter.generate", str(tmp_path), "--count", "0"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr == "error: count is 0; expected 1 or more\n"
