"""PBR as a family: its configuration is `trainers.pbr.config.PBRConfig` with a ``[data]`` table."""

from pathlib import Path
from typing import Any, Literal

from trainers.datasets.config import RankingDataConfig
from trainers.families.base import Built
from trainers.options import TrainOptions
from trainers.pbr.config import PBRConfig

__all__ = ["FAMILY", "PBRRun"]

_ABOUT = """A PBR ranker (*Perceive before Respond*, ACM MM 2024): an image encoder and a text encoder aligned
in one space, and a multimodal encoder that says whether a sticker answers a conversation. What only training
needs (emotion distillation, topic contrast) is not in the checkpoint.

It knows the style of its training packs and the language of its training conversations, and nothing of
others. It does not read the words inside a sticker, and does not know who is speaking. Scores are comparable
within one conversation only."""


class PBRRun(PBRConfig):
    """The whole configuration of a run.

    Attributes:
        data: what it is trained on.
    """

    family: Literal["pbr"] = "pbr"
    data: RankingDataConfig = RankingDataConfig()


class _PBR:
    config = PBRRun

    def settings(self, data: str | None, packs: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = {"path": data} if data else {}
        return {"data": found | ({"packs": packs} if packs else {})}

    def options(self, config: PBRRun) -> TrainOptions:
        return config.train

    def build(self, config: PBRRun, out: Path, show_progress: bool | None) -> Built:
        from trainers.datasets.load import load_ranking
        from trainers.pbr.task import PBRTask

        image, losses = config.model.image, config.losses
        clusters = losses.distillation.clusters if losses.needs_teacher else None
        data = load_ranking(config.data, image.size, image.fit, clusters, config.train.device, show_progress)
        own = PBRConfig(**{name: getattr(config, name) for name in PBRConfig.model_fields})
        return Built(PBRTask(own, data.train, data.valid, out), data.hashes, data.notes)

    def finish(self, config: PBRRun, task: Any, checkpoint: Path) -> None:
        """Nothing."""

    def about(self, config: PBRRun) -> str:
        return _ABOUT


FAMILY = _PBR()
