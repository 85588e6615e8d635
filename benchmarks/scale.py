"""Seconds and peak memory of indexing many generated stickers.

Draws `--count` stickers (kept, and continued when there are some already), then indexes them in a process of
its own and prints that process's peak memory beside that of a tenth of the count, to show whether it grows.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

CHILD = """
import json, resource, sys
from retriever.indexing import index_pack
report = index_pack(sys.argv[1], sys.argv[2], encoders=json.loads(sys.argv[3]))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps({"stickers": report.total, "peak_gib": round(peak, 3), "encoded": report.encoded,
                  "quarantined": len(report.quarantined), "seconds": report.seconds}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--encoder", action="append", help="repeatable; `none` for lexical only")
    parser.add_argument("--work", type=Path, required=True, help="folder for packs and libraries")
    arguments = parser.parse_args()
    encoders = [name for name in arguments.encoder or ["minilm"] if name != "none"]
    for count in (arguments.count // 10, arguments.count):
        pack = arguments.work / f"pack-{count}"
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "retriever.starter.generate", pack, "--count", str(count),
             "--size", str(arguments.size)],
            check=True, stdout=sys.stderr,
        )  # fmt: skip
        drawn = time.perf_counter() - started
        library = arguments.work / f"library-{count}"
        done = subprocess.run(
            [sys.executable, "-c", CHILD, library, pack, json.dumps(encoders)],
            check=True, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        print(json.dumps({"draw_seconds": round(drawn, 1), **json.loads(done.stdout)}), flush=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(f"largest child process: {peak:.2f} GiB", file=sys.stderr)


if __name__ == "__main__":
    main()
