"""A real vLLM server on a tiny random Qwen2.5-VL, started once a session and only when a test asks for it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from vllm_settings import SERVER_OPTIONS, VLLM_ENVIRONMENT

ROOT = Path(__file__).parents[2]
VLLM_VENV = Path(os.environ.get("VLLM_VENV", ROOT / ".venv-vllm"))
START_TIMEOUT_S = 900
"""A start takes half a minute alone and many on a busy machine; a server that ends is noticed at once."""

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def vllm_python() -> Path:
    """The interpreter of the vLLM environment."""
    if not (VLLM_VENV / ".ready").exists():
        pytest.skip(f"no vLLM environment at {VLLM_VENV}; `make vllm-env` makes it")
    return VLLM_VENV / "bin" / "python"


@pytest.fixture(scope="session")
def tiny_vlm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder: a tiny random Qwen2.5-VL with its tokenizer and processor."""
    from retriever.torchvision_ops import install_hook

    install_hook()
    from tiny_qwen_vl import build

    return build(tmp_path_factory.mktemp("models") / "tiny-vl")


@pytest.fixture(scope="session")
def vllm_server(vllm_python: Path, tiny_vlm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a running server; its only model is called ``tiny-vl``."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        str(vllm_python), "-m", "vllm.entrypoints.openai.api_server", "--model", str(tiny_vlm),
        "--served-model-name", "tiny-vl", "--host", "127.0.0.1", "--port", str(port), *SERVER_OPTIONS,
    ]  # fmt: skip
    log = tmp_path_factory.mktemp("vllm") / "server.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            command,
            cwd=log.parent,
            env=os.environ | VLLM_ENVIRONMENT,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_up(server, f"http://127.0.0.1:{port}/health", log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        _end_group(server)


def _wait_until_up(server: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            if httpx.get(url, timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.5)
    end = log.read_text(encoding="utf-8", errors="replace")[-3000:]
    state = f"ended with {server.returncode}" if server.poll() is not None else "is not up"
    pytest.fail(f"the vLLM server {state} after {START_TIMEOUT_S} s at most; its log ends:\n{end}")


def _end_group(server: "subprocess.Popen[bytes]") -> None:
    """Stop the server and the engine processes it started."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, kind)
        except ProcessLookupError:
            break
        try:
            server.wait(timeout=15)
        except subprocess.TimeoutExpired:
            continue
    server.wait(timeout=15)
