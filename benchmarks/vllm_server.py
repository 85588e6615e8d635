"""A model folder behind a real vLLM server, as the tests start theirs, for as long as a benchmark runs."""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import conftest
import httpx

__all__ = ["serve"]

_START_S = 900
"""A start takes half a minute alone, and several on a machine that does much else."""


@contextmanager
def serve(model: Path, split_cores: bool = False, prefix_cache: bool = True) -> Iterator[str]:
    """The base URL of a server of `model`, under the name ``tiny-vl``.

    Args:
        model: a folder that vLLM can load.
        split_cores: the server gets the first half of this process's cores, and the process keeps the rest.
        prefix_cache: False makes the server forget prompts and images between calls.

    Raises:
        RuntimeError: the server ended, or is not up after a quarter of an hour; ends with its log.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    cores = sorted(os.sched_getaffinity(0))
    theirs, ours = cores[: len(cores) // 2], cores[len(cores) // 2 :]
    command = [
        str(conftest.VLLM_VENV / "bin" / "python"), "-m", "vllm.entrypoints.openai.api_server", "--model",
        str(model.resolve()), "--served-model-name", "tiny-vl", "--port", str(port), "--host", "127.0.0.1",
        *conftest.SERVER_OPTIONS,
    ]  # fmt: skip
    if not prefix_cache:
        command += ["--no-enable-prefix-caching", "--mm-processor-cache-gb", "0"]
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "log"
        with log.open("wb") as out:
            server = subprocess.Popen(
                command, cwd=name, env=os.environ | conftest.VLLM_ENVIRONMENT, stdout=out, stderr=out,
                start_new_session=True,
                preexec_fn=(lambda: os.sched_setaffinity(0, theirs)) if split_cores else None,
            )  # fmt: skip
        try:
            if split_cores:
                os.sched_setaffinity(0, ours)
            _wait(server, f"http://127.0.0.1:{port}/health", log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            conftest._end_group(server)
            os.sched_setaffinity(0, cores)


def _wait(server: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while server.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=10).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(1)
    state = "is not up" if server.poll() is None else f"ended with {server.returncode}"
    end = log.read_text(encoding="utf-8", errors="replace")[-3000:]
    raise RuntimeError(f"the vLLM server {state}; its log ends:\n{end}")
