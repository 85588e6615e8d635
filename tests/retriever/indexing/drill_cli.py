"""The drill's last part: the real command with the real MiniLM, killed and run to its end."""

import os
import random
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import drill_checks as checks
import numpy as np
from tiny_library import TinyPack

from retriever.extras import missing_modules
from retriever.store import index
from retriever.store.library import Library


def kill_cli(folder: Path, kills: int, source: random.Random) -> Counter[str]:
    """Kill ``sticker index`` `kills` times, each time on its way to a changed pack; gives the stages hit."""
    landed: Counter[str] = Counter()
    if not kills:
        return landed
    encoder = "none" if missing_modules("minilm") else "minilm"
    pack = TinyPack(folder / "pack", 20)
    library = folder / "library"
    whole = _run(library, pack.folder, encoder)
    number = 20
    while landed.total() < kills:
        for _ in range(20):
            pack.add(number)
            number += 1
        pack.write()
        stage = _kill(library, pack.folder, encoder, source.uniform(0, whole))
        if stage:
            landed[stage] += 1
        index.verify(Library.open(library).folder, deep=True)
        if stage is None or source.random() < 0.5:
            _run(library, pack.folder, encoder)
    _run(library, pack.folder, encoder)
    _run(folder / "fresh", pack.folder, encoder)
    mine, fresh = Library.open(library), Library.open(folder / "fresh")
    checks.check(mine.content == fresh.content, "another content than a fresh index by the command")
    for spec in fresh.manifest.encoders:
        difference = np.abs(mine.vectors(spec) - fresh.vectors(spec)).max()
        checks.check(difference < 1e-5, f"vectors differ by {difference} from a fresh index")
    left = list(library.rglob(".tmp-*"))
    checks.check(not left, f"left behind: {left}")
    return landed


def _command(library: Path, pack: Path, encoder: str) -> list[str]:
    command = [sys.executable, "-c", "import sys; from retriever.cli import main; sys.exit(main())", "-v"]
    return [*command, "index", str(pack), "--library", str(library), "--encoder", encoder, "--json"]


def _run(library: Path, pack: Path, encoder: str) -> float:
    started = time.monotonic()
    done = subprocess.run(_command(library, pack, encoder), capture_output=True, text=True, check=False)
    checks.check(done.returncode == 0, f"the command failed: {done.stderr[-2000:]}")
    return time.monotonic() - started


def _kill(library: Path, pack: Path, encoder: str, after: float) -> str | None:
    """Kill the command `after` seconds; gives the stage it was in, or None where it was done before."""
    command = _command(library, pack, encoder)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert process.stderr is not None
    said, deadline = b"", time.monotonic() + after
    while (wait := deadline - time.monotonic()) > 0:
        if select.select([process.stderr], [], [], wait)[0]:
            some = os.read(process.stderr.fileno(), 65536)
            if not some:
                break
            said += some
    process.kill()
    process.wait()
    process.stderr.close()
    if process.returncode != -signal.SIGKILL:
        return None
    stages = [line.rpartition(b"stage: ")[2] for line in said.splitlines() if b"stage: " in line]
    return stages[-1].decode() if stages else "start"
