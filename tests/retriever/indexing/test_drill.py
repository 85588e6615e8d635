"""A short drill: the long one is `make drill KILLS=300`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.drill
def test_killed_runs_lose_double_and_tear_nothing() -> None:
    command = [sys.executable, str(Path(__file__).with_name("drill.py")), "--kills", "25", "--cli-kills", "1"]
    done = subprocess.run([*command, "--seed", "20"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["kills"] >= 25
    assert len([stage for stage, kills in summary["by_stage"].items() if kills]) >= 4
