import json
import subprocess
import sys

import pytest

from retriever.errors import InputError
from trainers.run_folder import claimed, note_config, note_data

LR = {"family": "toy", "train": {"lr": 1, "steps": [1, 2]}}
OTHER = {"family": "toy", "train": {"lr": 2, "steps": [1, 2], "seed": 3}}


@pytest.mark.parametrize("begun", ["state.pt", "best"])
def test_a_run_that_has_got_anywhere_keeps_its_configuration(tmp_path, begun):
    note_config(tmp_path, LR)
    (tmp_path / begun).touch()
    note_config(tmp_path, LR)
    with pytest.raises(
        InputError, match=r"settings \(train.lr was 1, is now 2, train.seed was null, is now 3\)"
    ):
        note_config(tmp_path, OTHER)
    assert json.loads((tmp_path / "config.json").read_text()) == LR


def test_a_refusal_names_a_few_settings_and_counts_the_rest(tmp_path):
    note_config(tmp_path, {str(number): "x" * 100 for number in range(9)})
    (tmp_path / "best").mkdir()
    with pytest.raises(InputError, match=r"0 was \"x{36}\.\.\., is now null.* and 5 more\); give another"):
        note_config(tmp_path, {})


def test_a_start_that_failed_does_not_stand_in_the_way(tmp_path):
    note_config(tmp_path, LR)
    note_data(tmp_path, {"train.jsonl": "a"}, {})
    note_config(tmp_path, OTHER)
    note_data(tmp_path, {"train.jsonl": "b"}, {"skipped": 2})
    assert json.loads((tmp_path / "config.json").read_text()) == OTHER
    assert json.loads((tmp_path / "data.json").read_text()) == {
        "sha256": {"train.jsonl": "b"}, "notes": {"skipped": 2},
    }  # fmt: skip


def test_a_run_does_not_go_on_with_other_data(tmp_path):
    note_data(tmp_path, {"train.jsonl": "a", "stickers": "s"}, {})
    (tmp_path / "state.pt").touch()
    with pytest.raises(InputError, match=r"other data \(stickers, train.jsonl changed\)"):
        note_data(tmp_path, {"train.jsonl": "b"}, {})


def test_files_of_others_are_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    for folder, told in ((tmp_path, "has other things in it"), (tmp_path / "thesis.txt", "is a file")):
        with pytest.raises(InputError, match=told), claimed(folder):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_one_process_at_a_time_and_a_killed_one_frees_the_folder(tmp_path):
    holder = (
        "import sys, pathlib\nfrom trainers.run_folder import claimed\n"
        "with claimed(pathlib.Path(sys.argv[1])):\n    print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", holder, str(tmp_path / "run")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "held\n"
        with pytest.raises(InputError, match="another process is training in"), claimed(tmp_path / "run"):
            pass
        child.kill()
    with claimed(tmp_path / "run"):
        pass
