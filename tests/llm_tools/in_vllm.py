"""Runs a job of `engine_child.py` or `ray_child.py` in the vLLM environment."""

import json
import os
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def in_vllm(python, job, *arguments, script="engine_child.py"):
    """What the job of the script prints, run in the vLLM environment."""
    done = subprocess.run(
        [str(python), str(HERE / script), job, *map(str, arguments)],
        env=os.environ
        | {"PYTHONPATH": f"{ROOT}:{HERE}", "VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1"}
        | {"VLLM_NO_USAGE_STATS": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    found = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    assert found, (done.stdout[-1500:], done.stderr[-3000:])
    return json.loads(found[0].removeprefix("RESULT "))
