"""Checking an index in a process of its own: a broken Chroma folder can hang, crash or fill the disk.

Run as ``python -m retriever.store.probe FOLDER``: exit code 0, or 1 and the reason on stderr.
"""

import subprocess
import sys
from pathlib import Path

from retriever.errors import StickerError

HEADROOM_BYTES = 64 * 2**20


def probe(folder: Path, timeout: float = 120.0) -> str | None:
    """Verify an index folder in a child process that may not grow any file far beyond the folder's size.

    Args:
        timeout: seconds until a check that hangs counts as failed.

    Returns:
        None when all is well, else what is wrong.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", "retriever.store.probe", str(folder)],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{folder} did not open within {timeout:.0f} s"
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"{folder}: the check ended with status {done.returncode}"


def _limit_file_size(folder: Path) -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = 2 * size + HEADROOM_BYTES
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard)
    )


def main(argv: list[str]) -> int:
    """Verify the folder named in `argv`, with the hashes of its matrices."""
    from retriever.store.index import verify

    folder = Path(argv[0])
    _limit_file_size(folder)
    try:
        verify(folder, deep=True)
    except StickerError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
