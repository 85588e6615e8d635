"""What stands beside the weights: ``training.json`` for programs, ``README.md`` for people."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import machine, python_version
from typing import Any

from retriever.checkpoints import CARD, TRAINING
from retriever.store.atomic import write_bytes, write_json

__all__ = ["TrainingRecord", "commit", "package_versions", "write_card"]

_PACKAGES = ("sticker-retriever", "torch", "timm", "transformers", "accelerate", "numpy", "scikit-learn")


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """How a checkpoint came about.

    Attributes:
        family: the model's.
        name: of the configuration.
        config: resolved, as JSON values.
        data: SHA-256 of the data, by name.
        notes: counts of the data, by name.
        metrics: of the best checkpoint on the *validation* split; `select` is what chose it.
        step, steps: where it was taken, of how many.
        minutes: of training, validation included.
        device: the machine's.
        about: what it is and cannot do, Markdown.
    """

    family: str
    name: str
    config: Mapping[str, Any]
    data: Mapping[str, str]
    notes: Mapping[str, int]
    metrics: Mapping[str, float]
    select: str
    seed: int
    step: int
    steps: int
    minutes: float
    device: str
    about: str
    commit: str | None = None
    packages: Mapping[str, str] = field(default_factory=dict)


def write_card(folder: Path, record: TrainingRecord) -> None:
    """Write both files into the checkpoint `folder`, replacing older ones."""
    record = replace(record, config=_without_places(dict(record.config)))
    values = {name: getattr(record, name) for name in TrainingRecord.__dataclass_fields__ if name != "about"}
    write_json(folder / TRAINING, values)
    write_bytes(folder / CARD, _card(record).encode())


def commit(folder: Path | None = None) -> str | None:
    """The commit of the source that runs, ``-dirty`` after it where files differ; None outside a checkout."""
    place = folder or Path(__file__).parent
    try:
        head = _git(place, "rev-parse", "HEAD")
        return head + ("-dirty" if _git(place, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def package_versions() -> dict[str, str]:
    """Versions of Python and of what training depends on, as installed."""
    found = {"python": python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def device_name(device: str) -> str:
    """The accelerator's or processor's name, for reports."""
    import torch

    if device.startswith("cuda") and torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"cpu ({machine()}, {torch.get_num_threads()} threads)"


def _git(place: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(place), *words], capture_output=True, text=True, check=True, timeout=20
    )
    return done.stdout.strip()


def _without_places(value: Any) -> Any:
    """Configuration values, absolute paths cut to their last name: where a disk is mounted says nothing."""
    if isinstance(value, Mapping):
        return {name: _without_places(item) for name, item in value.items() if name != "about"}
    if isinstance(value, list | tuple):
        return [_without_places(item) for item in value]
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def _card(record: TrainingRecord) -> str:
    metrics = "\n".join(f"| {name} | {value:.2f} |" for name, value in record.metrics.items())
    data = "\n".join(f"| {name} | `{digest[:16]}` |" for name, digest in record.data.items())
    notes = "".join(f"- {name}: {count:,}\n" for name, count in record.notes.items())
    config = json.dumps(record.config, ensure_ascii=False, indent=2)
    packages = ", ".join(f"{name} {number}" for name, number in record.packages.items())
    return f"""# {record.name}: a {record.family} checkpoint

{record.about.strip()}

## Measured

On the validation split, which also chose this step (by {record.select}): numbers on new data will be lower.

| metric | value |
| --- | --- |
{metrics}

## Trained

Step {record.step:,} of {record.steps:,}, seed {record.seed}, {record.minutes:.1f} minutes on {record.device},
commit `{record.commit or "unknown"}`, with {packages}.

| data | SHA-256 |
| --- | --- |
{data or "| none named | |"}

{notes or "- nothing left out"}
## Configuration

```json
{config}
```
"""
