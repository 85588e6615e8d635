"""What an evaluation ran with: the commit, Python, the machine's kind, package versions."""

import platform
import subprocess
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

__all__ = ["commit", "environment"]


def environment() -> dict[str, Any]:
    """Everything that may move the last bit of a score and is no setting, as JSON values."""
    packages = {(dist.metadata["Name"] or "?").lower(): dist.version for dist in distributions()}
    return {
        "commit": commit(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": dict(sorted(packages.items())),
    }


def commit() -> str | None:
    """The commit of the checkout this package runs from, with ``+changes`` where files differ from it.

    None where it was installed, or git is not there.
    """
    here = Path(__file__).resolve().parent
    top = _git(here, "rev-parse", "--show-toplevel")
    if top is None or Path(top) != here.parent:  # an environment inside somebody else's checkout
        return None
    name = _git(here, "rev-parse", "HEAD")
    changes = _git(here, "status", "--porcelain", "--untracked-files=no", "--", "*.py", "*.toml")
    return name if name is None or not changes else f"{name}+changes"


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "--no-optional-locks", *words],
            capture_output=True, text=True, timeout=20, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
