"""Int-RA as a family: `trainers.int_ra.config.IntRAConfig` with tables ``[data]`` and ``[knowledge]``."""

from pathlib import Path
from typing import Any, Literal

from trainers.datasets.config import RankingDataConfig
from trainers.datasets.knowledge import KnowledgeConfig
from trainers.families.base import Built
from trainers.int_ra.config import IntRAConfig
from trainers.options import TrainOptions

__all__ = ["FAMILY", "IntRARun"]

_ABOUT = """An Int-RA ranker (*Reply with Sticker: New Dataset and Model for Sticker Retrieval*): one text
encoder for conversations, for the labels it expects and for what is known of a sticker in words, and an image
encoder whose regions count as those words point at them. A sticker is one vector, a score is a cosine.

It reads a conversation's inferred knowledge and a sticker's attributes where there are some, as it did in
training; with fewer of them than it was trained with it does worse. It knows the style of its training packs
and the language of its training conversations. Scores are comparable within one conversation only."""


class IntRARun(IntRAConfig):
    """The whole configuration of a run.

    Attributes:
        data: what it is trained on.
        knowledge: what models wrote about that.
    """

    family: Literal["int_ra"] = "int_ra"
    data: RankingDataConfig = RankingDataConfig()
    knowledge: KnowledgeConfig = KnowledgeConfig()


class _IntRA:
    config = IntRARun

    def settings(self, data: str | None, packs: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = {"path": data} if data else {}
        return {"data": found | ({"packs": packs} if packs else {})}

    def options(self, config: IntRARun) -> TrainOptions:
        return config.train

    def build(self, config: IntRARun, out: Path, show_progress: bool | None) -> Built:
        from trainers.datasets.knowledge import find_knowledge, stickers_in_words, with_inferences
        from trainers.datasets.load import load_ranking
        from trainers.int_ra.task import IntRATask

        image = config.model.image
        data = load_ranking(config.data, image.size, image.fit, None, config.train.device, show_progress)
        known = find_knowledge(config.knowledge, config.data.path)
        train, train_missing = with_inferences(data.train, known, config.knowledge.inferred_intentions)
        valid, valid_missing = with_inferences(data.valid, known)
        own = IntRAConfig(**{name: getattr(config, name) for name in IntRAConfig.model_fields})
        task = IntRATask(own, train, valid, stickers_in_words(train.stickers, known), out)
        notes = {**data.notes, **task.notes}
        if config.model.knowledge:
            notes |= {
                "train/without_inferences": train_missing,
                "valid/without_inferences": valid_missing,
            }
        return Built(task, data.hashes | known.hashes, {name: n for name, n in notes.items() if n})

    def finish(self, config: IntRARun, task: Any, checkpoint: Path) -> None:
        """Nothing."""

    def about(self, config: IntRARun) -> str:
        return _ABOUT


FAMILY = _IntRA()
