"""The rankers that need no weights as families: their configuration is the data, and what to count."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from trainers.datasets.config import RankingDataConfig
from trainers.families.base import Built
from trainers.options import TrainOptions
from trainers.ranking.config import BatchConfig

__all__ = ["FAMILIES", "PlainSettings"]

SIDE = 8
"""Of the pictures that nobody looks at."""


class PlainSettings(BaseModel):
    """A run of any of them; of `train` only the seed, the device and `select` matter.

    Attributes:
        field: the label that ``most_frequent`` counts; None takes the first that stickers have.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    family: Literal["random", "popularity", "most_frequent"]
    field: Literal["emotion", "emoji", "intention"] | None = None
    batch: BatchConfig = BatchConfig()
    train: TrainOptions = TrainOptions(epochs=1)
    data: RankingDataConfig = RankingDataConfig()


_ABOUT = {
    "random": "Stickers in an order drawn for each conversation: what chance gives.",
    "popularity": "Stickers by how often each was sent in training. It does not read the conversation.",
    "most_frequent": "Stickers by how often their label was sent in training, whatever was said.",
}


class _Plain:
    config = PlainSettings

    def settings(self, data: str | None, packs: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = {"path": data} if data else {}
        return {"data": found | ({"packs": packs} if packs else {})}

    def options(self, config: PlainSettings) -> TrainOptions:
        return config.train.model_copy(update={"epochs": 1, "max_steps": 1})

    def build(self, config: PlainSettings, out: Path, show_progress: bool | None) -> Built:
        from trainers.baselines.plain import PlainTask
        from trainers.datasets.load import load_ranking

        data = load_ranking(config.data, SIDE, device=config.train.device, show_progress=show_progress)
        task = PlainTask(config.family, data.train, data.valid, config.batch, config.field, config.train.seed)
        return Built(task, data.hashes, data.notes)

    def finish(self, config: PlainSettings, task: Any, checkpoint: Path) -> None:
        """Nothing."""

    def about(self, config: PlainSettings) -> str:
        return _ABOUT[config.family]


FAMILIES = dict.fromkeys(_ABOUT, _Plain())
