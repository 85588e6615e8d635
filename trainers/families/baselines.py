"""The published baselines as families: a configuration class each, one way to build them."""

from pathlib import Path
from typing import Any, Literal

from trainers.baselines.config import (
    SETTINGS,
    BaselineSettings,
    ClipSettings,
    IrraSettings,
    LgurSettings,
    ModGptSettings,
    PcmeSettings,
    SrsSettings,
)
from trainers.datasets.config import RankingDataConfig
from trainers.families.base import Built
from trainers.options import TrainOptions

__all__ = ["FAMILIES"]

_LIMITS = """It knows the style of its training packs and the language of its training conversations, and
nothing of others. It does not read the words inside a sticker. Scores are comparable within one conversation
only."""


class _ClipRun(ClipSettings):
    """The last utterance and the sticker as vectors, aligned by in-batch contrast: CLIP, fine-tuned."""

    family: Literal["clip"] = "clip"
    data: RankingDataConfig = RankingDataConfig()


class _IrraRun(IrraSettings):
    """Conversation and sticker as vectors; learnt by similarity distribution matching and by words that the
    picture helps to guess: *Cross-Modal Implicit Relation Reasoning and Aligning*, CVPR 2023."""

    family: Literal["irra"] = "irra"
    data: RankingDataConfig = RankingDataConfig()


class _PcmeRun(PcmeSettings):
    """Conversation and sticker as Gaussians, ranked by the probability that they match: *Probabilistic
    Embeddings for Cross-Modal Retrieval*, CVPR 2021."""

    family: Literal["pcme"] = "pcme"
    data: RankingDataConfig = RankingDataConfig()


class _LgurRun(LgurSettings):
    """Regions and words rebuilt from one dictionary and asked by the same prototypes: *Learning
    Granularity-Unified Representations*, ACM MM 2022."""

    family: Literal["lgur"] = "lgur"
    data: RankingDataConfig = RankingDataConfig()


class _SrsRun(SrsSettings):
    """Each utterance interacts with a sticker's convolutional regions, a GRU and a transformer fuse the
    utterances: *Learning to Respond with Stickers*, WWW 2020."""

    family: Literal["srs"] = "srs"
    data: RankingDataConfig = RankingDataConfig()


class _ModGptRun(ModGptSettings):
    """A decoder reads the conversation and says the sticker's vector: MOD-GPT, the baseline of *Towards
    Expressive Communication with Internet Memes*."""

    family: Literal["mod_gpt"] = "mod_gpt"
    data: RankingDataConfig = RankingDataConfig()


_RUNS: dict[str, type[BaselineSettings]] = {
    "clip": _ClipRun,
    "irra": _IrraRun,
    "pcme": _PcmeRun,
    "lgur": _LgurRun,
    "srs": _SrsRun,
    "mod_gpt": _ModGptRun,
}


class _Baseline:
    def __init__(self, name: str) -> None:
        self.name = name
        self.config = _RUNS[name]

    def settings(self, data: str | None, packs: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = {"path": data} if data else {}
        return {"data": found | ({"packs": packs} if packs else {})}

    def options(self, config: BaselineSettings) -> TrainOptions:
        return config.train

    def build(self, config: Any, out: Path, show_progress: bool | None) -> Built:
        from trainers.baselines.task import BaselineTask
        from trainers.datasets.load import load_ranking

        image = config.model.image
        data = load_ranking(
            config.data, image.size, image.fit, device=config.train.device, show_progress=show_progress
        )
        kind = SETTINGS[self.name]
        own = kind(**{name: getattr(config, name) for name in kind.model_fields})
        return Built(BaselineTask(self.name, own, data.train, data.valid, out), data.hashes, data.notes)

    def finish(self, config: Any, task: Any, checkpoint: Path) -> None:
        """Nothing."""

    def about(self, config: Any) -> str:
        said = " ".join((self.config.__doc__ or "").split())
        return f"A published baseline. {said}\n\n{_LIMITS}"


FAMILIES = {name: _Baseline(name) for name in _RUNS}
