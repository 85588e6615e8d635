"""What models wrote about conversations and stickers, for rankers that read it: inferences, attributes.

The journals are those of a library (``journal/inferences.jsonl``, ``journal/attributes.jsonl``) or what
``sticker infer --out`` and ``sticker describe --out`` wrote; rows are found by the conversation's hash and
the image's. Merging is the library's own (`retriever.store.described`): what packs and data say wins.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from retriever.conversations import conversation_hash
from retriever.errors import InputError
from retriever.labels import INTENTIONS
from retriever.packs.entry import Annotations
from retriever.store.described import collect, is_described, merge
from retriever.store.journal import Check, read
from retriever.store.paths import LibraryPaths
from retriever.store.tables import inferences_of, is_inferred, latest
from retriever.types import Sticker
from trainers.datasets.ranking import RankingData, RankingSample, StickerImages

__all__ = ["Knowledge", "KnowledgeConfig", "find_knowledge", "stickers_in_words", "with_inferences"]


class KnowledgeConfig(BaseModel):
    """Where the journals are: the ``[knowledge]`` table of a configuration.

    Attributes:
        library: a library's folder, whose journals are read; the two below are stronger.
        inferences, attributes: JSON Lines files. Where nothing is named, files of these names
            (``inferences.jsonl``, ``attributes.jsonl``) in the dataset's folder are taken, or in its
            ``journal/``; none there means that nothing is known.
        inferred_intentions: in training take a model's intention for a conversation whose row has none:
            labels nobody has checked.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    library: str | None = None
    inferences: str | None = None
    attributes: str | None = None
    inferred_intentions: bool = False


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The newest of what is known.

    Attributes:
        inferences: rows of the inferences journal, by the conversation's hash.
        attributes: fields that a sticker may lack, by the image's SHA-256.
        hashes: SHA-256 of the files that were read, by name.
    """

    inferences: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    attributes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)


def find_knowledge(config: KnowledgeConfig, data: str | Path | None = None) -> Knowledge:
    """Read the journals that `config` names, or those beside the data.

    Args:
        data: the dataset's folder.

    Raises:
        InputError: a file or a library that is named is not there.
        LibraryDamaged: a line is no row of its journal; names file and line.
    """
    inferences = _place(config, "inferences", data)
    attributes = _place(config, "attributes", data)
    hashes: dict[str, str] = {}
    said = latest(_rows(inferences, is_inferred, hashes))
    described = collect(_rows(attributes, is_described, hashes))
    return Knowledge(said, described, hashes)


def with_inferences(
    data: RankingData, knowledge: Knowledge, inferred_intentions: bool = False
) -> tuple[RankingData, int]:
    """The data with what was inferred of each conversation, and how many have no inference.

    Args:
        inferred_intentions: see `KnowledgeConfig`.
    """
    samples = [_with_inference(sample, knowledge, inferred_intentions) for sample in data.samples]
    missing = sum(sample.conversation.inferences is None for sample in samples)
    return replace(data, samples=samples), missing


def stickers_in_words(stickers: StickerImages, knowledge: Knowledge | None = None) -> tuple[Sticker, ...]:
    """(n,) of every row: what its pack says and, where that is empty, what models wrote; without a place."""
    described = knowledge.attributes if knowledge is not None else {}
    said: Sequence[Annotations] = stickers.said or (Annotations(),) * len(stickers)
    return tuple(
        merge(words.sticker(id_, sha256=digest), described.get(digest, {}))
        for id_, digest, words in zip(stickers.ids, stickers.sha256, said, strict=True)
    )


def _with_inference(sample: RankingSample, knowledge: Knowledge, intentions: bool) -> RankingSample:
    row = knowledge.inferences.get(conversation_hash(sample.conversation)) if knowledge.inferences else None
    if row is None:
        return sample
    said = sample.conversation.inferences or inferences_of(row)  # what the data say themselves stays
    conversation = replace(sample.conversation, inferences=said)
    guessed = row.get("intention") if intentions else None
    label = sample.intention or (guessed if guessed in INTENTIONS else None)
    return replace(sample, conversation=conversation, intention=label)


def _place(config: KnowledgeConfig, name: str, data: str | Path | None) -> Path | None:
    named = getattr(config, name)
    if named is not None:
        path = Path(named).expanduser()
        if not path.is_file():
            raise InputError(f"knowledge.{name} is {named!r}, and there is no such file")
        return path
    if config.library is not None:
        paths = LibraryPaths(Path(config.library).expanduser())
        if not paths.manifest.is_file():
            raise InputError(f"knowledge.library is {config.library!r}, and there is no library")
        return Path(getattr(paths, name))
    if data is None:
        return None
    root = Path(data).expanduser()
    beside = (root / f"{name}.jsonl", root / "journal" / f"{name}.jsonl")
    return next((path for path in beside if path.is_file()), None)


def _rows(path: Path | None, check: Check, hashes: dict[str, str]) -> list[dict[str, Any]]:
    if path is None or not path.is_file():
        return []
    with path.open("rb") as file:
        hashes[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return list(read(path, check))
