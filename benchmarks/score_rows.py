"""`sticker score` on generated run files: seconds and peak memory by the number of rows.

Each size runs in a process of its own, beside one that only imports: what the rows cost is the difference.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SCRIPT = """
import json, resource, sys, time
from pathlib import Path
from eval.run_scores import score_runs
at, ties = Path(sys.argv[1]), sys.argv[2]
start, cpu = time.perf_counter(), time.process_time()
if ties != "none":
    score_runs(at / "qrels", [at / "a.run"], ties=ties)
print(json.dumps({
    "seconds": round(time.perf_counter() - start, 2),
    "cpu_s": round(time.process_time() - cpu, 2),
    "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--depth", type=int, default=1000, help="rows a query")
    parser.add_argument("--ties", nargs="+", default=["none", "expected", "trec"])
    arguments = parser.parse_args()
    for rows in arguments.rows:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            write(Path(folder), rows, arguments.depth)
            made = time.perf_counter() - start
            for ties in arguments.ties:
                done = subprocess.run(
                    [sys.executable, "-c", SCRIPT, folder, ties], capture_output=True, text=True, check=True
                )
                print(
                    json.dumps(
                        {"rows": rows, "ties": ties, **json.loads(done.stdout), "made_s": round(made, 1)}
                    )
                )


def write(folder: Path, rows: int, depth: int) -> None:
    """A run of `depth` documents a query, fifty of them judged."""
    rng = np.random.default_rng(0)
    with (folder / "qrels").open("w") as qrels, (folder / "a.run").open("w") as run:
        for q in range(max(1, rows // depth)):
            scores = rng.random(depth).round(6).tolist()
            names = rng.permutation(2 * depth)[:depth].tolist()
            run.writelines(
                f"q{q} Q0 document-{d} {i} {s} tag\n"
                for i, (d, s) in enumerate(zip(names, scores, strict=True))
            )
            grades = rng.integers(0, 3, 50).tolist()
            judged = rng.permutation(2 * depth)[:50].tolist()
            qrels.writelines(
                f"q{q} 0 document-{d} {max(g, int(i == 0))}\n"
                for i, (d, g) in enumerate(zip(judged, grades, strict=True))
            )


if __name__ == "__main__":
    main()
