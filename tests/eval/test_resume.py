"""A run that is stopped anywhere and goes on has the records and the report of one that was not."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from eval_worlds import LIBRARY, both, knows, noise, write_dataset

from eval.harness import evaluate
from eval.results import Cost
from eval.systems import LibrarySystem, SystemSpec
from retriever.errors import InputError

TOGETHER = "systems/together.jsonl"
MADE = [
    TOGETHER,
    "systems/most-frequent-label.jsonl",
    "queries.jsonl",
    "stickers.jsonl",
    "config.json",
    "candidates.noise.run",
    "candidates.qrels",
]


@pytest.fixture
def dataset(tmp_path):
    return write_dataset(tmp_path / "world", n=300)


def run(dataset, out, systems=both, **options):
    return evaluate(dataset, LIBRARY, systems, out=out, show_progress=False, **options)


def same(one, other):
    reports = [json.loads((place / "report.json").read_text()) for place in (one, other)]
    for report in reports:
        report.pop("costs")  # times are never the same
        report["provenance"].pop("environment")  # the checkout may change between the two
    return reports[0] == reports[1] and all(
        (one / name).read_bytes() == (other / name).read_bytes() for name in MADE
    )


def test_an_interrupted_run_goes_on(dataset, tmp_path):
    whole = run(dataset, tmp_path / "whole")
    asked = []

    def stops(conversation):
        if len(asked) == 200:
            raise KeyboardInterrupt
        asked.append(conversation.id)
        return both(conversation)

    with pytest.raises(KeyboardInterrupt):
        run(dataset, tmp_path / "cut", stops)
    kept = (tmp_path / "cut" / TOGETHER).read_bytes().count(b"\n")
    assert 0 < kept < 200
    asked.clear()
    again = run(dataset, tmp_path / "cut", lambda c: asked.append(c.id) or both(c))
    assert asked == [f"q{i}" for i in range(kept, 300)]
    assert again == whole and same(tmp_path / "whole", tmp_path / "cut")


def test_a_finished_run_is_not_scored_again(dataset, tmp_path):
    whole = run(dataset, tmp_path / "out")

    def never(conversation):
        raise AssertionError("scored again")

    assert run(dataset, tmp_path / "out", never) == whole


def test_the_file_cut_anywhere_in_its_last_lines(dataset, tmp_path):
    whole = run(dataset, tmp_path / "whole", limit=70)
    data = (tmp_path / "whole" / TOGETHER).read_bytes()
    queries = (tmp_path / "whole" / "queries.jsonl").read_bytes()
    lines = data.splitlines(keepends=True)
    start = len(data) - len(lines[-1])
    chooser = random.Random(0)
    for cut in [
        0,
        1,
        start - 1,
        start,
        start + 1,
        len(data) - 1,
        *(chooser.randrange(len(data)) for _ in range(15)),
    ]:
        out = tmp_path / f"cut-{cut}"
        (out / "systems").mkdir(parents=True)
        (out / "config.json").write_bytes((tmp_path / "whole" / "config.json").read_bytes())
        (out / TOGETHER).write_bytes(data[:cut])
        (out / "queries.jsonl").write_bytes(queries[: chooser.randrange(len(queries))])
        assert run(dataset, out, limit=70) == whole
        assert same(tmp_path / "whole", out)


def test_what_is_refused(dataset, tmp_path):
    out = tmp_path / "out"
    run(dataset, out, limit=70, config={"encoder": "a"})
    with pytest.raises(InputError, match=r"system 'together' with another encoder .*\"a\".*\"b\""):
        run(dataset, out, config={"encoder": "b"})
    with pytest.raises(InputError, match="another ties"):
        run(dataset, out, config={"encoder": "a"}, ties="optimistic")
    with pytest.raises(InputError, match="query 'q70' was scored by"):
        run(dataset, out, lambda c: {"knows": knows(c)}, config={"encoder": "a"})
    with pytest.raises(InputError, match="another split"):
        run(dataset, out, config={"encoder": "a"}, split="train")
    (dataset / "valid.jsonl").write_bytes((dataset / "valid.jsonl").read_bytes() + b"\n")
    with pytest.raises(InputError, match="another dataset_sha256"):
        run(dataset, out, config={"encoder": "a"})


def test_a_folder_of_something_else(dataset, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="no evaluation"):
        run(dataset, tmp_path / "mine")
    with pytest.raises(InputError, match="is a file"):
        run(dataset, tmp_path / "mine" / "thesis.txt")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_damage_in_the_middle_is_not_passed_over(dataset, tmp_path):
    run(dataset, tmp_path / "out", limit=70)
    path = tmp_path / "out" / TOGETHER
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = b"\x00\x00\n"
    path.write_bytes(b"".join(lines))
    with pytest.raises(InputError, match="line 4: damaged record"):
        run(dataset, tmp_path / "out", limit=70)


def test_one_writer_at_a_time(dataset, tmp_path):
    def greedy(conversation):
        with pytest.raises(InputError, match="another process is evaluating"):
            run(dataset, tmp_path / "out")
        return {"noise": noise(conversation)}

    run(dataset, tmp_path / "out", greedy, limit=1)


CHILD = """
import sys, time
sys.path.insert(0, sys.argv[1])
from eval_worlds import LIBRARY, both
from eval.harness import evaluate
def slow(conversation):
    time.sleep(0.001)
    return both(conversation)
evaluate(sys.argv[2], LIBRARY, slow, out=sys.argv[3], show_progress=False)
"""


def test_killed_again_and_again(dataset, tmp_path):
    whole = run(dataset, tmp_path / "whole")
    out, chooser, killed = tmp_path / "killed", random.Random(1), 0
    command = [sys.executable, "-c", CHILD, str(Path(__file__).parent), str(dataset), str(out)]
    for _ in range(40):
        before = count(out)
        child = subprocess.Popen(command)
        while child.poll() is None and count(out) <= before:  # let it get somewhere
            time.sleep(0.002)
        time.sleep(chooser.random() * 0.05)
        child.send_signal(signal.SIGKILL)
        killed += child.wait() == -signal.SIGKILL
        if count(out) == 300:
            break
    assert killed >= 2
    assert run(dataset, out) == whole
    assert same(tmp_path / "whole", out)
    for name in (TOGETHER, "queries.jsonl"):
        left = [json.loads(line)["id"] for line in (out / name).read_text().splitlines()]
        assert left == [f"q{i}" for i in range(300)]


def count(out):
    path = out / TOGETHER
    return path.read_bytes().count(b"\n") if path.exists() else 0


def spec(name, score, asked=None, **identity):
    def scored(conversation):
        if asked is not None:
            asked.append(conversation.id)
        return {name: score(conversation)}

    return SystemSpec(name, lambda: LibrarySystem(scored), identity=identity)


def never(name, **identity):
    def open_it():
        raise AssertionError(f"{name} was opened in vain")

    return SystemSpec(name, open_it, identity=identity)


def test_a_system_that_comes_later_is_the_only_one_asked(dataset, tmp_path):
    whole = run(dataset, tmp_path / "whole", [spec("knows", knows, seed=1), spec("noise", noise)])
    out = tmp_path / "out"
    run(dataset, out, [spec("knows", knows, seed=1)])
    before = (out / "systems" / "knows.jsonl").stat().st_mtime_ns
    asked = []
    assert run(dataset, out, [never("knows", seed=1), spec("noise", noise, asked)]) == whole
    assert len(asked) == 300 and (out / "systems" / "knows.jsonl").stat().st_mtime_ns == before
    # what is there stays in the report, whoever is named
    assert run(dataset, out, [never("noise")]) == whole
    with pytest.raises(InputError, match=r"system 'knows' with another seed \(seed 1, now 2\)"):
        run(dataset, out, [never("knows", seed=2)])


def test_more_rows_later(dataset, tmp_path):
    whole = run(dataset, tmp_path / "whole", [spec("knows", knows), spec("noise", noise)])
    out, asked = tmp_path / "out", []
    few = run(dataset, out, [spec("knows", knows), spec("noise", noise)], limit=70)
    assert few.n_rows == 70
    # noise is left behind at 70 rows, so a report over all rows goes without it
    only = run(dataset, out, [spec("knows", knows, asked)])
    assert len(asked) == 230
    assert [system.name for system in only.protocols[0].systems] == ["most frequent label", "knows"]
    assert run(dataset, out, [never("knows"), spec("noise", noise)]) == whole
    assert run(dataset, out, [never("knows"), never("noise")], limit=70) == few


def test_costs_are_no_reason_to_start_again(dataset, tmp_path):
    out = tmp_path / "out"
    first = run(dataset, out, [spec("knows", knows)], limit=70)
    place = out / "costs" / "knows.jsonl"
    place.write_bytes(place.read_bytes()[:-20])  # torn by a kill
    again = run(dataset, out, [spec("knows", knows)])
    assert again.costs["knows"].n == 64 + 230 and first.costs["knows"].n == 70
    place.unlink()
    assert run(dataset, out, [never("knows")]).costs["knows"] == Cost()


def test_a_line_of_another_query_is_told(dataset, tmp_path):
    out = tmp_path / "out"
    run(dataset, out, [spec("knows", knows)], limit=5)
    place = out / "systems" / "knows.jsonl"
    lines = place.read_text().splitlines(keepends=True)
    place.write_text("".join([lines[1], lines[0], *lines[2:]]))
    with pytest.raises(InputError, match=r"knows.jsonl, line 1: query 'q1'; expected query 'q0'"):
        run(dataset, out, [never("knows")], limit=5)


def test_a_folder_of_an_earlier_version(dataset, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "config.json").write_text(json.dumps({"dataset": "world", "systems": {"encoder": "minilm"}}))
    with pytest.raises(InputError, match="made by another version"):
        run(dataset, out)


def test_candidates_that_changed_under_a_half_done_run(dataset, tmp_path):
    out = tmp_path / "out"
    run(dataset, out, [spec("knows", knows)], limit=5)
    place = out / "queries.jsonl"
    place.write_text(place.read_text().replace('"relevant": 1', '"relevant": 2', 1))
    with pytest.raises(InputError, match="knows query 'q0' with other candidates or labels"):
        run(dataset, out, [never("knows")], limit=5)
