"""A recipe, and what is still missing before it can be cooked."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.published import PublishedRow, rows_for
from eval.recipes.schema import DatasetFile, RecipeFile, SystemEntry
from retriever.checkpoints import BEST, read_config
from retriever.errors import InputError, ModelError

__all__ = ["NotReady", "Ready", "ReadySystem", "Recipe"]

_TEACHER = "teacher"


class NotReady(InputError):
    """Something that a recipe needs is not there.

    Attributes:
        lines: what is missing, where it goes, and the commands that make it, to be printed as they are.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


@dataclass(frozen=True, slots=True)
class ReadySystem:
    """A checkpoint to measure, under the name its row has in the paper."""

    name: str
    checkpoint: Path


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything a recipe needs is there.

    Attributes:
        name: the recipe's.
        data: the dataset's folder, in the form it is distributed in.
        split: of it, as `eval.datasets.open_dataset` calls it.
        protocols: as `sticker eval --protocol` takes them.
        systems: in the order of the table.
        published: the table's rows as printed, also those that nothing here trains.
    """

    name: str
    data: Path
    split: str
    protocols: tuple[str, ...]
    systems: tuple[ReadySystem, ...]
    published: tuple[PublishedRow, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What one table of a paper needs.

    Attributes:
        name: as given to ``--reproduce``.
        content: the file.
        datasets: what the datasets' folders must hold.
    """

    name: str
    content: RecipeFile
    datasets: Mapping[str, DatasetFile]

    @property
    def published(self) -> tuple[PublishedRow, ...]:
        """The rows of the table, as printed."""
        content = self.content
        rows = [row for row in rows_for(content.data.dataset) if row.split in content.splits]
        return tuple(row for row in rows if (row.paper, row.table) == (content.paper, content.table))

    def check(self, data: Path, checkpoints: Path, only: Sequence[str] = ()) -> Ready:
        """Look whether everything is there.

        Args:
            data: the dataset's folder.
            checkpoints: the folder with the checkpoints, ``CONFIGURATION/best`` each.
            only: measure these systems alone (names of the recipe); none means all.

        Raises:
            NotReady: something is missing: says what, where it goes, and the commands that make it, in their
                order.
            InputError: `only` names a system that the recipe does not have.
        """
        systems = self._chosen(only)
        absent = self._absent_files(data)
        todo = [system for system in systems if not _is_checkpoint(self._folder(system, checkpoints))]
        if absent or todo:
            raise NotReady(self._missing(data, checkpoints, only, absent, todo))
        return Ready(
            self.name,
            data,
            self.content.data.split,
            self.content.protocol,
            tuple(ReadySystem(system.name, self._folder(system, checkpoints)) for system in systems),
            self.published,
        )

    def commands(self, data: Path, checkpoints: Path, only: Sequence[str] = ()) -> list[str]:
        """The shell commands that train what is not there yet and then measure, in their order.

        Raises:
            InputError: `only` names a system that the recipe does not have.
        """
        systems = self._chosen(only)
        todo = [system for system in systems if not _is_checkpoint(self._folder(system, checkpoints))]
        return [*self._training(data, checkpoints, todo), *self._measuring(data, checkpoints, only)]

    def _chosen(self, only: Sequence[str]) -> tuple[SystemEntry, ...]:
        known = {system.name: system for system in self.content.systems}
        if unknown := [name for name in only if name not in known]:
            raise InputError(f"{self.name} has no system {unknown[0]!r}; it has {', '.join(known)}")
        return tuple(known[name] for name in known if name in only or not only)

    def _folder(self, system: SystemEntry, checkpoints: Path) -> Path:
        # the same configuration trained on other data is another checkpoint
        own = any(setting.startswith("data.format=") for setting in system.settings)
        name = f"{system.config}-{self.content.data.dataset}" if own else system.config
        return checkpoints / name / BEST

    def _absent_files(self, data: Path) -> list[str]:
        dataset = self.datasets[self.content.data.dataset]
        wanted = dataset.wanted(self.content.data.split)
        return [" or ".join(patterns) for patterns in wanted if not _holds(data, patterns)]

    def _training(self, data: Path, checkpoints: Path, todo: Sequence[SystemEntry]) -> Iterator[str]:
        teacher = checkpoints / _TEACHER
        if any(system.teacher for system in todo) and not _is_checkpoint(teacher / BEST):
            yield shlex.join(["sticker", "train", "teacher", "--data", "SER30K", "--out", str(teacher)])
        made = set()
        for system in todo:
            out = self._folder(system, checkpoints).parent
            settings = list(system.settings)
            if system.teacher:
                settings.append(f"data.teacher={teacher / BEST}")
            if out not in made:
                made.add(out)
                words = ["sticker", "train", system.config, "--data", str(data), "--out", str(out)]
                yield shlex.join([*words, *(word for setting in settings for word in ("--set", setting))])

    def _measuring(self, data: Path, checkpoints: Path, only: Sequence[str]) -> Iterator[str]:
        # a library is made of a pack, which the published formats hold in many ways
        yield shlex.join(["sticker", "data", "convert", str(data), "--out", "NATIVE"])
        yield shlex.join(["sticker", "index", "NATIVE/stickers", "--library", "LIBRARY"])
        words = ["sticker", "eval", str(data), "--reproduce", self.name, "--checkpoints", str(checkpoints)]
        chosen = ["--systems", ",".join(only)] if only else []
        yield shlex.join([*words, *chosen, "--library", "LIBRARY", "--out", self.name])

    def _missing(
        self,
        data: Path,
        checkpoints: Path,
        only: Sequence[str],
        absent: Sequence[str],
        todo: Sequence[SystemEntry],
    ) -> list[str]:
        """Lines: what is missing and where it goes, then the commands."""
        dataset = self.datasets[self.content.data.dataset]
        lines = [f"{self.name} cannot be reproduced yet"]
        if absent:
            lines.append(f"data: {dataset.title} at {data} lacks {', '.join(absent)}")
            lines.append(f"  put the folder there as it is distributed; to be had by {dataset.access}")
        if todo:
            lines.append(f"models: {len(todo)} of {len(self._chosen(only))} checkpoints are missing")
            lines += [f"  {system.name}: {self._folder(system, checkpoints)}" for system in todo]
            if self.content.weights:
                lines.append(f"  training starts from {'; '.join(self.content.weights)}")
            if any(s.teacher for s in todo) and not _is_checkpoint(checkpoints / _TEACHER / BEST):
                ser30k = self.datasets["ser30k"]
                lines.append(f"  the emotion teacher needs {ser30k.title}; to be had by {ser30k.access}")
        lines.append("then, in this order:")
        steps = [*self._training(data, checkpoints, todo), *self._measuring(data, checkpoints, only)]
        return [*lines, *(f"  {step}" for step in steps)]


def _holds(folder: Path, patterns: Sequence[str]) -> bool:
    places = [f"{above}{pattern}" for pattern in patterns for above in ("", "*/", "*/*/")]
    return folder.is_dir() and any(next(folder.glob(place), None) is not None for place in places)


def _is_checkpoint(folder: Path) -> bool:
    try:
        read_config(folder)
    except ModelError:
        return False
    return True
