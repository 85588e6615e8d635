"""MMBERT as a family: its configuration is `trainers.mmbert.config.MMBERTConfig` with a ``[data]`` table."""

from pathlib import Path
from typing import Any, Literal

from trainers.datasets.config import RankingDataConfig
from trainers.datasets.knowledge import KnowledgeConfig
from trainers.families.base import Built
from trainers.mmbert.config import MMBERTConfig
from trainers.options import TrainOptions

__all__ = ["FAMILY", "MMBERTRun"]

_ABOUT = """An MMBERT ranker (*Selecting Stickers in Open-Domain Dialogue through Multitask Learning*,
Findings of ACL 2022): one BERT reads the dialogue, the sticker's picture as a vector and, where it was
trained so, the words in the sticker (`attributes.verbal`), and says whether they match. The heads of its
auxiliary tasks are not in the checkpoint.

Stickers are encoded once, but every pair of a conversation and a sticker is one pass of the whole BERT: rank
a few dozen candidates with it, not a library. It knows the stickers and the language of its training
conversations. Scores are comparable within one conversation only."""


class MMBERTRun(MMBERTConfig):
    """The whole configuration of a run.

    Attributes:
        data: what it is trained on.
        knowledge: what models wrote about its stickers, read where descriptions are asked for.
    """

    family: Literal["mmbert"] = "mmbert"
    data: RankingDataConfig = RankingDataConfig()
    knowledge: KnowledgeConfig = KnowledgeConfig()


class _MMBERT:
    config = MMBERTRun

    def settings(self, data: str | None, packs: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = {"path": data} if data else {}
        return {"data": found | ({"packs": packs} if packs else {})}

    def options(self, config: MMBERTRun) -> TrainOptions:
        return config.train

    def build(self, config: MMBERTRun, out: Path, show_progress: bool | None) -> Built:
        from trainers.datasets.knowledge import Knowledge, find_knowledge, stickers_in_words
        from trainers.datasets.load import load_ranking
        from trainers.mmbert.task import MMBERTTask

        image = config.model.image
        data = load_ranking(config.data, image.size, image.fit, show_progress=show_progress)
        own = MMBERTConfig(**{name: getattr(config, name) for name in MMBERTConfig.model_fields})
        known = find_knowledge(config.knowledge, config.data.path) if own.losses.descriptions else Knowledge()
        words = stickers_in_words(data.train.stickers, known)
        task = MMBERTTask(own, data.train, data.valid, out, words)
        with_emotion = sum(sample.emotion is not None for sample in data.train.samples)
        said = data.train.stickers.said
        notes = {
            "train": len(data.train.samples),
            "train/with_emotion": with_emotion,
            "emotions": len(task.emotions),
            "stickers": len(data.train.stickers),
            "stickers/with_words": sum(bool(one.attributes.verbal.strip()) for one in said),
        }
        if task.written:
            notes["stickers/with_description"] = sum(map(bool, task.written))
        return Built(task, data.hashes | known.hashes, {**notes, **data.notes})

    def finish(self, config: MMBERTRun, task: Any, checkpoint: Path) -> None:
        """Nothing."""

    def about(self, config: MMBERTRun) -> str:
        return _ABOUT


FAMILY = _MMBERT()
