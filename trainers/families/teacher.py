"""The emotion teacher as a family."""

from pathlib import Path
from typing import Any

from eval.datasets.ser30k import is_ser30k
from retriever.errors import InputError
from trainers.datasets.ser30k import LabelledImages, load_labelled_packs, load_ser30k
from trainers.families.base import Built
from trainers.images import default_cache
from trainers.options import TrainOptions
from trainers.teacher.config import TeacherConfig

__all__ = ["FAMILY"]

_ABOUT = """An emotion teacher for PBR's distillation: it tells which of seven emotions (SER30K's) a sticker
shows. `anchors-M.safetensors` holds M centroids of its features an emotion, `features.safetensors` what they
were made from. It is no ranker; name its folder as `data.teacher` when training one."""


class _Teacher:
    config = TeacherConfig

    def settings(self, data: str | None, packs: list[str]) -> dict[str, Any]:
        if data and not packs and not is_ser30k(Path(data)):
            return {"data": {"packs": [data]}}
        found: dict[str, Any] = {"path": data} if data else {}
        return {"data": found | ({"packs": packs} if packs else {})}

    def options(self, config: TeacherConfig) -> TrainOptions:
        return config.train

    def build(self, config: TeacherConfig, out: Path, show_progress: bool | None) -> Built:
        import hashlib

        from trainers.teacher.task import TeacherTask

        data = _load(config, show_progress)
        labels = ",".join(map(str, data.images.emotion))
        hashes = {
            "stickers": hashlib.sha256("\n".join(data.images.sha256).encode()).hexdigest(),
            "labels": hashlib.sha256(labels.encode()).hexdigest(),
        }
        notes = {"train": len(data.train), "valid": len(data.valid), **data.notes}
        return Built(TeacherTask(config, data), hashes, notes)

    def finish(self, config: TeacherConfig, task: Any, checkpoint: Path) -> None:
        """Features of the training images and the anchors, by the best checkpoint."""
        from trainers.teacher.anchors import FEATURES, anchors_of, save_features
        from trainers.teacher.checkpoint import load_teacher
        from trainers.teacher.describe import describe_rows

        if not (checkpoint / FEATURES).exists():
            module = load_teacher(checkpoint).to(next(task.module.parameters()).device)
            rows = task.data.train
            features, _ = describe_rows(module, task.data.images, rows)
            save_features(checkpoint, features, task.data.images.emotions(rows))
        anchors_of(checkpoint, config.clusters)

    def about(self, config: TeacherConfig) -> str:
        return _ABOUT


def _load(config: TeacherConfig, show: bool | None) -> LabelledImages:
    data, side = config.data, config.image.size
    cache = Path(data.cache).expanduser() if data.cache else default_cache()
    if (data.path is None) == (not data.packs):
        raise InputError(
            f"a teacher needs either SER30K's folder (data.path) or packs with emotions (data.packs); got "
            f"{'both' if data.packs else 'neither'}: give one with --data"
        )
    if data.path is not None:
        return load_ser30k(Path(data.path).expanduser(), cache, side, data.fit, show)
    return load_labelled_packs(data.packs, cache, side, data.fit, show)


FAMILY = _Teacher()
