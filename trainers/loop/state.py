"""Where a run stands, on disk: enough to go on after a kill with the very same losses."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retriever.errors import ModelError
from retriever.store.atomic import TEMPORARY, sync, temporary_beside

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from trainers.loop.average import WeightAverage

__all__ = ["Progress", "load_state", "save_state"]


@dataclass
class Progress:
    """How far a run is.

    Attributes:
        step: optimiser steps done.
        epoch: the epoch the next batch belongs to, from 0.
        batch: batches of that epoch that are done.
        best: the best value of the selected metric so far.
        best_step: after how many steps that was.
        best_metrics: everything measured then.
        waited: validations since then.
        seconds: spent training so far, over all starts.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    best: float = float("-inf")
    best_step: int = 0
    best_metrics: dict[str, float] = field(default_factory=dict)
    waited: int = 0
    seconds: float = 0.0


def save_state(
    path: Path,
    module: "nn.Module",
    optimizer: "Optimizer",
    progress: Progress,
    average: "WeightAverage | None" = None,
) -> None:
    """Replace the state at `path` in one step: weights, their average, buffers, optimiser and progress."""
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(path)
    try:
        torch.save(
            {
                "module": module.state_dict(),
                "optimizer": optimizer.state_dict(),
                "progress": asdict(progress),
                **({"average": average.state()} if average else {}),
            },
            temporary,
        )
        sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)
    for left in path.parent.glob(f"{TEMPORARY}*-{path.name}"):  # of runs that were killed while saving
        left.unlink(missing_ok=True)


def load_state(
    path: Path, module: "nn.Module", optimizer: "Optimizer", average: "WeightAverage | None" = None
) -> Progress:
    """Put the state at `path` into `module`, `optimizer` and `average`.

    Raises:
        ModelError: the file is damaged, or is of another model or optimiser.
    """
    import torch

    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        module.load_state_dict(state["module"])
        optimizer.load_state_dict(state["optimizer"])
        if average:
            average.load(state["average"])
        return Progress(**state["progress"])
    except Exception as error:  # torch raises a dozen kinds for a damaged or foreign file
        raise ModelError(
            f"{path} cannot be resumed ({' '.join(str(error).split())[:200]}); it is damaged or belongs to "
            "another configuration: use another output folder, or remove this one to start over"
        ) from error
