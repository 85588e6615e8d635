"""What a family tells the command: its configuration, and how to make a task of one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel

from trainers.options import TrainOptions
from trainers.task import Task

__all__ = ["Built", "Family"]


@dataclass(frozen=True, slots=True)
class Built:
    """A task with what its report should say of the data.

    Attributes:
        data: SHA-256 of every file it is trained on, by name.
        notes: counts, by name.
    """

    task: Task
    data: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, int] = field(default_factory=dict)


class Family(Protocol):
    """One kind of model that the loop trains."""

    @property
    def config(self) -> type[BaseModel]:
        """The class that validates its configuration; it has a field ``train``."""
        ...

    def settings(self, data: str | None, packs: list[str]) -> dict[str, Any]:
        """What ``--data`` and ``--pack`` mean for it, as an overlay of the configuration.

        Raises:
            InputError: they mean nothing for it.
        """
        ...

    def options(self, config: Any) -> TrainOptions:
        """The loop's settings of a configuration."""
        ...

    def build(self, config: Any, out: Path, show_progress: bool | None) -> Built:
        """The task; files that a run needs again when it goes on are kept in `out`."""
        ...

    def finish(self, config: Any, task: Any, checkpoint: Path) -> None:
        """Add to the best checkpoint what is made after training; may do nothing, may be called again."""
        ...

    def about(self, config: Any) -> str:
        """For the model card: what it is and cannot do, in Markdown."""
        ...
