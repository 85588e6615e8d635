"""From a configuration to a trained checkpoint: what ``sticker train`` does."""

import logging
from contextlib import nullcontext
from pathlib import Path

from retriever.extras import require
from trainers.card import TrainingRecord, commit, device_name, package_versions, write_card
from trainers.config import LoadedConfig
from trainers.loop import Outcome, train
from trainers.run_folder import claimed, note_config, note_data

__all__ = ["default_out", "is_first", "run"]

logger = logging.getLogger(__name__)


def default_out(loaded: LoadedConfig) -> Path:
    """Where a run goes that names no folder: ``runs/FAMILY-CONFIGURATION``, since names recur in families."""
    family = str(loaded.config.model_dump()["family"])
    return Path("runs") / (loaded.name if loaded.name.startswith(family) else f"{family}-{loaded.name}")


def run(loaded: LoadedConfig, out: Path, show_progress: bool | None = None) -> Outcome:
    """Train in `out`, or go on there: a folder with a state in it is a run that was stopped.

    When it ends, ``out/best`` is the checkpoint, with its card. Under ``torchrun`` every process calls this;
    the first one writes.

    Raises:
        InputError: the folder is of another configuration or in use, or data are missing.
        ModelError: as of `trainers.loop.train`.
        MissingExtra: torch is not installed.
    """
    require("torch", "train", "training")
    with claimed(out) if is_first() else nullcontext():
        return _run(loaded, out, show_progress)


def _run(loaded: LoadedConfig, out: Path, show_progress: bool | None) -> Outcome:
    config = loaded.config.model_dump(mode="json")
    if is_first():
        note_config(out, config)
    built = loaded.family.build(loaded.config, out, show_progress)
    if is_first():
        note_data(out, built.data, built.notes)
    options = loaded.family.options(loaded.config)
    for name, count in built.notes.items():
        logger.info("%s: %d", name, count)
    outcome = train(built.task, options, out, show_progress)
    if outcome.finished and is_first():
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


def is_first() -> bool:
    """Whether this is the process that writes and reports; the only one outside ``torchrun``."""
    import os

    return os.environ.get("RANK", "0") == "0"
