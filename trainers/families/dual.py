"""The dual ranker as a family."""

from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from retriever.checkpoints import WEIGHTS, content_id, read_config
from retriever.documents import document
from trainers.dual.config import DualConfig
from trainers.families.base import Built
from trainers.options import TrainOptions

__all__ = ["FAMILY", "DualRun"]

_ABOUT = """A dual ranker: one text encoder for conversations and for what is known of a sticker in words.
It does not look at the picture: a sticker without name, keywords or labels is invisible to it."""


_ROWS = "stickers.jsonl"


class DualRun(DualConfig):
    """`DualConfig` with the family's name, and what the model card says of the model (Markdown)."""

    family: Literal["dual"] = "dual"
    about: str = ""


class _Dual:
    config = DualRun

    def settings(self, data: str | None, packs: list[str]) -> dict[str, Any]:
        root = {"root": data} if data else {}
        return {**root, **({"packs": packs} if packs else {})}

    def options(self, config: DualRun) -> TrainOptions:
        return config.train

    def build(self, config: DualRun, out: Path, show_progress: bool | None) -> Built:
        from trainers.dual.task import DualTask

        own = DualConfig(**{name: getattr(config, name) for name in DualConfig.model_fields})
        hashes = _of_files(config) | _of_models(config)
        task = DualTask(own, out)
        if any(not (Path(pack) / _ROWS).is_file() for pack in own.pack_places()):
            read = [(one.id, document(one), one.emoji, one.emotion, one.intention) for one in task.stickers]
            hashes["stickers"] = sha256(repr(read).encode()).hexdigest()
        return Built(task, hashes, task.notes)

    def finish(self, config: DualRun, task: Any, checkpoint: Path) -> None:
        """Nothing."""

    def about(self, config: DualRun) -> str:
        return config.about or _ABOUT


def _of_files(config: DualRun) -> dict[str, str]:
    """SHA-256 of the rows of every source and pack."""
    found = {}
    for name, source in config.sources.items():
        for split in ("train", "valid"):
            found[f"{name}/{split}.jsonl"] = config.place(source.path) / f"{split}.jsonl"
    for name, place in zip(config.packs, config.pack_places(), strict=True):
        found[f"{_short(name)}/{_ROWS}"] = Path(place) / _ROWS
    return {name: sha256(file.read_bytes()).hexdigest() for name, file in found.items() if file.is_file()}


def _of_models(config: DualRun) -> dict[str, str]:
    """What stands for the models that have a say in the training and lie in folders.

    Raises:
        ModelError: a teacher or a checkpoint to go on from is missing; tells what to do.
    """
    others = {
        path: "teacher"
        for source in config.sources.values()
        for paths in source.taught.values()
        for path in paths
    }
    if config.checkpoint is not None:
        others[config.checkpoint] = "checkpoint"
    found = {}
    for path, role in sorted(others.items()):
        folder = Path(path).expanduser()
        read_config(folder)
        found[f"{role} {_short(path)}"] = content_id(folder)
    for role, path in (("start", config.start), ("anchor", config.anchor)):
        folder = Path(path).expanduser()
        if path and (folder / WEIGHTS).is_file():  # else it is published, or missing, which is told later
            found[f"{role} {_short(path)}"] = content_id(folder)
    return found


def _short(path: str) -> str:
    """A path as it was given; of an absolute one the end, since where a disk is mounted says nothing."""
    return "/".join(Path(path).parts[-2:]) if Path(path).is_absolute() else path


FAMILY = _Dual()
