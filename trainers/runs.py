"""From a configuration to a trained checkpoint: what ``sticker train`` does."""

import json
import logging
from pathlib import Path

from retriever.checkpoints import TRAINING
from retriever.errors import InputError
from retriever.store.atomic import write_json
from trainers.card import TrainingRecord, commit, device_name, package_versions, write_card
from trainers.config import LoadedConfig
from trainers.families import Built
from trainers.loop import Outcome, train
from trainers.loop.run import describe_run

__all__ = ["default_out", "is_first", "run"]

logger = logging.getLogger(__name__)


def default_out(name: str) -> Path:
    """Where a run goes that names no folder: ``runs/<configuration>``."""
    return Path("runs") / name


def run(loaded: LoadedConfig, out: Path, show_progress: bool | None = None) -> Outcome:
    """Train in `out`, or go on there: a folder with a state in it is a run that was stopped.

    When it ends, ``out/best`` is the checkpoint, with its card.

    Raises:
        InputError: the folder is of another configuration, or data are missing.
        ModelError: as of `trainers.loop.train`.
    """
    config = loaded.config.model_dump(mode="json")
    if is_first():
        _check_folder(out)
    describe_run(out, config)
    built = loaded.family.build(loaded.config, out, show_progress)
    _same_data(out, built)
    options = loaded.family.options(loaded.config)
    for name, count in built.notes.items():
        logger.info("%s: %d", name, count)
    outcome = train(built.task, options, out, show_progress)
    if outcome.finished and is_first() and outcome.checkpoint.exists():
        loaded.family.finish(loaded.config, built.task, outcome.checkpoint)
        device = next(built.task.module.parameters()).device
        write_card(
            outcome.checkpoint,
            TrainingRecord(
                family=str(config["family"]),
                name=loaded.name,
                config=config,
                data=built.data,
                notes=built.notes,
                metrics=outcome.metrics,
                select=options.select,
                seed=options.seed,
                step=outcome.step,
                steps=outcome.steps,
                minutes=outcome.seconds / 60,
                device=device_name(str(device)),
                about=loaded.family.about(loaded.config),
                commit=commit(),
                packages=package_versions(),
            ),
        )
    return outcome


def _check_folder(out: Path) -> None:
    """A folder with other things in it is not ours to write into."""
    if out.is_file():
        raise InputError(f"{out} is a file; give a folder to train in")
    ours = ("config.json", TRAINING, "state.pt")
    if out.is_dir() and any(out.iterdir()) and not any((out / name).exists() for name in ours):
        raise InputError(f"{out} has other things in it; give an empty folder, or one of an earlier run")


def _same_data(out: Path, built: Built) -> None:
    """Note what the run is trained on; a run does not go on with other data."""
    place = out / "data.json"
    now = {"sha256": dict(built.data), "notes": dict(built.notes)}
    if place.exists() and (out / "state.pt").exists():
        before = json.loads(place.read_text(encoding="utf-8"))["sha256"]
        other = sorted(
            name for name in before.keys() | built.data if before.get(name) != built.data.get(name)
        )
        if other:
            raise InputError(
                f"{out} was trained on other data ({', '.join(other)} changed); use another folder"
            )
    write_json(place, now)


def is_first() -> bool:
    """Whether this is the process that writes and reports; the only one outside ``torchrun``."""
    import os

    return os.environ.get("RANK", "0") == "0"
