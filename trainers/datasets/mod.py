"""DSTC10-MOD for training: pixels and candidates (`eval.datasets.mod` reads its files)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from eval.datasets.choices import draw_among
from eval.datasets.mod import (
    PACK,
    MODPolicy,
    MODSplit,
    find_split,
    has_candidates,
    read_content,
    read_emotions,
    rows,
    sticker_entries,
)
from eval.datasets.reader import SampleReader
from eval.datasets.samples import Sample
from retriever.errors import InputError
from retriever.rankers.parts.config import Fit
from trainers.datasets.ranking import RankingData, RankingSample, StickerImages
from trainers.datasets.some import require_some
from trainers.datasets.stickers import load_stickers
from trainers.images.sources import entry_source

__all__ = ["MODStickers", "load_mod", "open_mod"]


@dataclass(frozen=True, slots=True)
class MODStickers:
    """The stickers of the release.

    Attributes:
        images: ids are those of the data, "030"; ``said`` has the words that OCR read in them.
        emotions: id to name; empty where the release's list is not there.
        problems: id to reason, for what could not be used.
    """

    images: StickerImages
    emotions: Mapping[int, str]
    problems: Mapping[str, str]


def open_mod(
    root: Path, cache: Path, side: int = 224, fit: Fit = "pad", show_progress: bool | None = None
) -> MODStickers:
    """All stickers that ``img2id.json`` names, with the words in them where ``ocr_max10.json`` is there.

    Of an animation the middle frame is taken (the released code takes the first).

    Raises:
        InputError: no ``img2id.json`` or no ``meme_set``, or a file that is not what it should be.
    """
    sources = [entry_source(entry) for entry in sticker_entries(root)]
    images, problems = load_stickers(sources, cache, side, fit, show_progress=show_progress)
    return MODStickers(images, read_emotions(root), problems)


def load_mod(
    root: Path,
    split: MODSplit,
    stickers: MODStickers,
    policy: MODPolicy | None = None,
    negatives: int = 9,
    seed: int = 42,
    limit: int | None = None,
    strict: bool = False,
) -> RankingData:
    """One split; see `eval.datasets.mod.rows` for what becomes a sample.

    Left out and counted in `notes`: samples without any text, with a sticker whose image cannot be used, with
    an empty answer (tests without annotation), bad rows (`strict` raises them instead). ``candidates_11``
    there says how many lists had that length.

    Args:
        stickers: of `open_mod`.
        policy: of the candidates; None takes ``given`` where a file has them, else ``random``, which draws
            anew each epoch in the training split. Of validation there are two files; ``random`` and ``all``
            take the one without candidates, which has emotions, where it is there.
        limit: the first so many samples.

    Raises:
        InputError: no such file, not one usable sample, or ``given`` where the file has no candidates.
        ConversationError: a bad row, where `strict`; names file, row, field.
    """
    path = find_split(root, split, policy)
    content = read_content(path)
    given = has_candidates(content)
    if policy == "given" and not given:
        raise InputError(f"{path} has dialogues without candidates; use the policy random or all")
    policy = policy or ("given" if given else "random")
    reader = SampleReader(path, strict, lambda place: rows(content, place, split, dict(stickers.emotions)))
    notes: Counter[str] = Counter()
    samples: list[RankingSample] = []
    for sample in reader:
        if limit is not None and len(samples) >= limit:
            break
        made = _made(sample, stickers.images, policy, notes)
        if made is not None:
            samples.append(made)
    notes += reader.notes
    require_some(samples, reader, notes)
    if policy == "given":
        for length, count in Counter(len(sample.candidates) for sample in samples).items():
            notes[f"candidates_{length}"] = count
        notes["padded_slots"] = sum(sample.candidates.count(None) for sample in samples)
        return RankingData(samples, stickers.images, policy=policy, notes=dict(notes))
    if policy == "all":
        ids = stickers.images.ids
        place = {id_: at for at, id_ in enumerate(ids)}
        ready = [sample.with_candidates(ids, place[sample.sticker]) for sample in samples]
        return RankingData(ready, stickers.images, policy=policy, notes=dict(notes))
    pool = sorted({sample.sticker for sample in samples})
    drawn = draw_among(samples, pool, negatives, seed, fresh=split == "train")
    return RankingData(samples, stickers.images, drawn, policy=policy, notes=dict(notes))


def _made(
    sample: Sample, images: StickerImages, policy: MODPolicy, notes: Counter[str]
) -> RankingSample | None:
    if sample.gold is None:
        notes["no_answer"] += 1
        return None
    if sample.gold not in images:
        notes["sticker_without_image"] += 1
        return None
    talk = sample.conversation
    made = RankingSample(talk.id, talk, sample.gold, PACK, emotion=sample.emotion)
    if policy != "given" or sample.candidates is None:
        return made
    known = [id_ if id_ in images else None for id_ in sample.candidates]
    return made.with_candidates(known, known.index(sample.gold))
