"""The dual ranker as a family."""

from pathlib import Path
from typing import Any, Literal

from retriever.checkpoints import content_id, read_config
from trainers.dual.config import DualConfig
from trainers.families.base import Built
from trainers.options import TrainOptions

__all__ = ["FAMILY", "DualRun"]

_ABOUT = """A dual ranker: one text encoder for conversations and for what is known of a sticker in words.
It does not look at the picture: a sticker without name, keywords or labels is invisible to it."""


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
        import hashlib

        from trainers.dual.task import DualTask

        own = DualConfig(**{name: getattr(config, name) for name in DualConfig.model_fields})
        hashes = {}
        for name, source in config.sources.items():
            for file in sorted(config.place(source.path).glob("*.jsonl")):
                if file.stem in ("train", "valid"):
                    hashes[f"{name}/{file.name}"] = hashlib.sha256(file.read_bytes()).hexdigest()
        for name, pack in zip(config.packs, own.pack_places(), strict=True):
            rows = Path(pack) / "stickers.jsonl"
            if rows.is_file():
                hashes[f"{name}/stickers.jsonl"] = hashlib.sha256(rows.read_bytes()).hexdigest()
        others = {
            path: "teacher"
            for source in config.sources.values()
            for paths in source.taught.values()
            for path in paths
        }
        if config.checkpoint is not None:
            others[config.checkpoint] = "checkpoint"
        for path, role in sorted(others.items()):
            folder = Path(path).expanduser()
            read_config(folder)  # says what to do where there is none
            hashes[f"{role} {path}"] = content_id(folder)
        return Built(DualTask(own, out), hashes)

    def finish(self, config: DualRun, task: Any, checkpoint: Path) -> None:
        """Nothing."""

    def about(self, config: DualRun) -> str:
        return config.about or _ABOUT


FAMILY = _Dual()
