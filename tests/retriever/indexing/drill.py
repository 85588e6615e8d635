# ruff: noqa: E402
"""The kill drill: indexing runs killed with SIGKILL at random moments, and everything checked after each.

    python tests/retriever/indexing/drill.py --kills 300 --seed 1

Half of the kills fall anywhere in a run, half inside a chosen stage. Between runs the pack changes and a
model job writes annotations, which is killed as well. Prints where the kills landed; ends with status 1 and
what was wrong as soon as anything is.
"""

import argparse
import hashlib
import importlib
import json
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import drill_checks as checks
import drill_child as child
import drill_cli
import tiny_library
from tiny_library import TinyPack, draw

from retriever.indexing import index_pack
from retriever.store.library import Library
from retriever.store.paths import LibraryPaths
from retriever.tokenize import tokenize

STAGES = ("read", "encode", "rows", "matrix", "lexical", "chroma", "verify", "swap", "tidy")


class Drill:
    """A pack, its library, what is known of both, and how long the stages take."""

    def __init__(self, folder: Path, seed: int, stickers: int = 40) -> None:
        self.random = random.Random(seed)
        self.pack = TinyPack(folder / "pack", stickers)
        self.root = folder / "library"
        self.next_number = stickers
        self.broken: set[str] = set()
        self.described: list[dict[str, Any]] = []
        self.indexed = False
        self.kills: Counter[str] = Counter()
        self.completed = 0
        self.seconds = dict.fromkeys(STAGES, 0.02)
        self.whole = 1.0

    def go(self, kills: int) -> None:
        """Kill until `kills` have landed, then complete once more."""
        self.complete()
        while self.kills.total() < kills:
            if self.random.random() < 0.1:
                self.kill_describing()
            self.mutate()
            for _ in range(self.random.choice((1, 1, 1, 2, 3))):
                self.kill_indexing()
                if self.random.random() < 0.3:
                    self.mutate()
            self.complete()

    def mutate(self) -> None:
        """Some stickers come, go, change their words or their bytes, or break."""
        for _ in range(self.random.randint(2, 12)):
            kind = self.random.choice(("add", "add", "delete", "rename", "name", "bytes", "break", "mend"))
            ids = sorted(self.pack.rows)
            chosen = self.random.choice(ids)
            value = self.pack.rows[chosen]
            if kind == "add":
                self.pack.add(self.next_number, size_seed(self.random))
                self.next_number += 1
            elif kind == "delete" and len(ids) > 25:
                del self.pack.rows[chosen]
                self.broken.discard(chosen)
            elif kind == "rename":  # the same image under another id
                new = f"tiny/renamed-{self.next_number}"
                self.next_number += 1
                self.pack.rows[new] = {**self.pack.rows.pop(chosen), "id": new}
                if chosen in self.broken:
                    self.broken = self.broken - {chosen} | {new}
            elif kind == "name":
                value["name"] = {"zh": f"改名{self.random.random()}", "en": f"renamed {self.random.random()}"}
            elif kind == "break" and len(self.broken) < 5:
                (self.pack.folder / value["image"]).write_bytes(b"\x89PNG\r\n\x1a\n torn")
                self.broken.add(chosen)
            elif kind in ("bytes", "mend"):
                chosen = self.random.choice(sorted(self.broken)) if kind == "mend" and self.broken else chosen
                self.pack.image(self.pack.rows[chosen], draw(size_seed(self.random)))
                self.broken.discard(chosen)
        self.pack.write()

    def kill_indexing(self) -> None:
        """Start a run and kill it: anywhere, or a moment after a given stage began."""
        aim = self.random.choice(STAGES) if self.random.random() < 0.5 else None
        moment = self.random.uniform(0, 1)
        process, pipe = child.fork(child.index(self.root, self.pack.folder))
        started, stage, deadline = time.monotonic(), "start", None
        if aim is None:
            deadline = started + moment * self.whole * 1.05
        while True:
            wait = 60.0 if deadline is None else max(0.0, deadline - time.monotonic())
            ready, _, _ = select.select([pipe], [], [], wait)
            if not ready:
                break  # the moment has come
            marks = os.read(pipe, 4096).decode().split()
            if not marks:
                break  # it was faster than the plan
            stage = marks[-1]
            if aim in marks and deadline is None:
                deadline = time.monotonic() + moment * self.seconds[aim] * 1.1
        killed = self._end(process, pipe, kill=True)
        if not killed:
            self._was_completed()
            return
        self.kills[stage] += 1
        self._checked(lambda _: checks.survives(self.root, self.indexed, self.described))
        self.indexed = LibraryPaths(self.root).current.exists()

    def kill_describing(self) -> None:
        """Start a model job and kill it: what it was told to be safe stays."""
        images = [self.pack.folder / self.pack.rows[i]["image"] for i in sorted(self.pack.rows)]
        rows = [self._row(self.random.choice(images)) for _ in range(30)]
        process, pipe = child.fork(child.describe(self.root, rows))
        safe = 0
        enough = self.random.randint(0, len(rows))
        while safe < enough and (told := os.read(pipe, 4096).decode().split()):
            safe = int(told[-1]) + 1
        time.sleep(self.random.uniform(0, 0.002))
        if self._end(process, pipe, kill=True):
            self.kills["describe"] += 1
        self.described += rows[:safe]
        self._checked(lambda _: checks.survives(self.root, self.indexed, self.described))
        kept = [json.loads(line) for line in self._whole_lines()]
        checks.check(kept[: len(self.described)] == self.described, "an acknowledged annotation is gone")
        self.described = kept  # the last may have reached the disk before it was acknowledged

    def _whole_lines(self) -> list[bytes]:
        path = LibraryPaths(self.root).attributes
        return (
            [line for line in path.read_bytes().splitlines(True) if line.endswith(b"\n")]
            if path.exists()
            else []
        )

    def _row(self, image: Path) -> dict[str, Any]:
        digest = hashlib.sha256(image.read_bytes()).hexdigest()
        said = {"gesture": f"招手 {self.random.random():.3f}", "posture": "sitting"}
        return {
            "sha256": digest,
            "engine": "llm",
            "model": "tiny",
            "prompt": "0",
            "time": "",
            "attributes": said,
        }

    def complete(self) -> None:
        """A run to its end, timed by stage and checked through and through."""
        process, pipe = child.fork(child.index(self.root, self.pack.folder))
        began = {"start": time.monotonic()}
        while marks := os.read(pipe, 4096).decode().split():
            began.update(dict.fromkeys(marks, time.monotonic()))
        self._end(process, pipe, kill=False)
        times = [*began.values(), time.monotonic()]
        if "tidy" in began:
            self.whole = times[-1] - times[0]
            self.seconds.update({name: times[i + 1] - times[i] for i, name in enumerate(began) if i})
        self._was_completed()

    def _was_completed(self) -> None:
        self.completed += 1
        self.indexed = True
        latest: dict[str, dict[str, str]] = {}
        for row in self.described:
            latest.setdefault(row["sha256"], {}).update(row["attributes"])
        self._checked(lambda _: checks.is_complete(self.root, self.pack, self.broken, latest))
        self._checked(lambda _: checks.survives(self.root, True, self.described))

    def _end(self, process: int, pipe: int, kill: bool) -> bool:
        """Wait for a child, after killing it if asked to; gives whether that is what it died of."""
        if kill:
            os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        os.close(pipe)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        checks.check(killed or status == 0, f"a run failed with status {status}; see above")
        return killed

    def _checked(self, work: Callable[[int], None]) -> None:
        """Run a check in a child of its own, so that this process never opens Chroma."""
        process, pipe = child.fork(work)
        self._end(process, pipe, kill=False)
        checks.check(threading.active_count() == 1, "the drill's own process has threads")

    def matches_fresh_index(self, folder: Path) -> None:
        """The library that was killed so often equals one made in a single run."""
        fresh = folder / "fresh"
        journal = LibraryPaths(fresh).attributes
        journal.parent.mkdir(parents=True)
        if self.described:
            shutil.copy(LibraryPaths(self.root).attributes, journal)

        def work(_: int) -> None:
            index_pack(fresh, self.pack.folder, encoders=child.ENCODERS, show_progress=False)
            mine, new = Library.open(self.root), Library.open(fresh)
            checks.check(mine.content == new.content, "another content than a fresh index")
            for spec in new.manifest.encoders:
                same = mine.vectors(spec).tobytes() == new.vectors(spec).tobytes()
                checks.check(same, f"other vectors of {spec.name} than a fresh index")

        self._checked(work)


def size_seed(source: random.Random) -> int:
    return source.randrange(1_000_000, 2_000_000)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--cli-kills", type=int, default=None, help="of the real command, with MiniLM")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    cli_kills = max(1, options.kills // 30) if options.cli_kills is None else options.cli_kills
    tiny_library.register()
    for module in ("bm25s", "chromadb.api.rust", "chromadb.telemetry.product.posthog", "PIL.PngImagePlugin"):
        importlib.import_module(module)
    tokenize("预热 warm up")  # what is imported and loaded here, no child has to
    folder = Path(tempfile.mkdtemp(prefix="sticker-drill-"))
    started = time.monotonic()
    drill = Drill(folder, options.seed)
    try:
        drill.go(options.kills - cli_kills)
        drill.matches_fresh_index(folder)
        by_cli = drill_cli.kill_cli(folder / "cli", cli_kills, drill.random)
    except AssertionError as error:
        sys.stderr.write(
            f"FAILED after {drill.kills.total()} kills, seed {options.seed}: {error}\nsee {folder}\n"
        )
        return 1
    shutil.rmtree(folder)
    summary = {
        "kills": drill.kills.total() + by_cli.total(),
        "by_stage": {name: drill.kills[name] for name in ("start", *STAGES, "describe")},
        "by_stage_cli": dict(by_cli),
        "seconds_of_a_run": {name: round(value, 3) for name, value in drill.seconds.items()},
        "completed_runs": drill.completed,
        "seconds": round(time.monotonic() - started, 1),
    }
    sys.stdout.write(json.dumps(summary) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
