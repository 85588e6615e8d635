"""DSTC10-MOD (Fei et al. 2021), Chinese, as it is distributed.

::

    c_train.json  c_val.json                      one object: "dialogue 7" -> its turns
    c_val_task2.json  c_test_{easy,hard}*.json    a list: history, candidate.set, answer
    meme_set/                                     the images
    img2id.json  emotion_dict.json                file name -> id, emotion -> id
    ocr_max10.json                                id -> the words in the image

Names differ between the release's README, what is in the download and the code that was written for it; all
of them are accepted, in the dataset's folder and in its ``train``, ``validation``, ``test`` and
``supplementary``.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from retriever.errors import InputError
from retriever.packs.entry import Annotations
from retriever.rankers.parts.config import Fit
from retriever.types import Attributes
from trainers.datasets.bad_rows import BadRows
from trainers.datasets.mod_rows import PACK, dialogues, short, sticker_id, task2
from trainers.datasets.ranking import Draw, RankingData, RankingSample, StickerImages
from trainers.datasets.stickers import load_stickers
from trainers.images.sources import ImageSource, file_source

__all__ = ["MODPolicy", "MODSplit", "MODStickers", "find_split", "load_mod", "open_mod"]

MODSplit = Literal["train", "valid", "easy", "hard"]
MODPolicy = Literal["given", "random", "all"]
"""``given``: the file's own candidates, ten in the paper and eleven in the release's examples. ``random``:
others that were sent in the split, drawn by the seed. ``all``: every sticker there is."""

_SPLITS: dict[MODSplit, tuple[str, ...]] = {
    "train": ("c_train", "train"),
    "valid": ("c_val_task2", "val_task2", "validation_task2", "c_val", "validation"),
    "easy": ("annotated_c_test_easy*", "c_test_easy*", "c_test_easy/*"),
    "hard": ("annotated_c_test_hard*", "c_test_hard*", "c_test_hard/*"),
}
_FOLDERS = ("", "train", "validation", "test", "supplementary")


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


def find_split(root: Path, split: MODSplit, policy: MODPolicy | None = None) -> Path:
    """The file of a split, the better one for `policy` where there are two.

    Raises:
        InputError: there is none of any of its names.
    """
    names = [f"{name}.json" for name in _SPLITS[split]]
    if split == "valid" and policy in ("random", "all"):
        names = [*names[3:], *names[:3]]
    found = _find(root, names)
    if found is None:
        raise InputError(f"{root} has no {split} split of DSTC10-MOD; expected one of {', '.join(names)}")
    return found


def open_mod(
    root: Path, cache: Path, side: int = 224, fit: Fit = "pad", show_progress: bool | None = None
) -> MODStickers:
    """All stickers that ``img2id.json`` names, with the words in them where ``ocr_max10.json`` is there.

    Of an animation the middle frame is taken (the released code takes the first).

    Raises:
        InputError: no ``img2id.json`` or no ``meme_set``, or a file that is not what it should be.
    """
    listed = _find(root, ["img2id.json"])
    folder = next((root / p / "meme_set" for p in _FOLDERS if (root / p / "meme_set").is_dir()), None)
    if listed is None or folder is None:
        lacks = "img2id.json" if listed is None else "meme_set"
        raise InputError(f"{root} has no {lacks}; give the folder that DSTC10-MOD was unpacked to")
    ids: dict[str, str] = {}
    for name, value in _table(listed).items():
        id_ = sticker_id(value, f"{listed}, {name!r}")
        if id_ in ids:
            raise InputError(
                f"{listed}, {name!r}: id {id_} is that of {ids[id_]!r} already; ids have to differ"
            )
        ids[id_] = name
    words = _words(root)
    sources = [
        _source(folder / name, id_, words.get(id_, ""))
        for id_, name in sorted(ids.items(), key=lambda i: i[0])
    ]
    images, problems = load_stickers(sources, cache, side, fit, show_progress=show_progress)
    return MODStickers(images, _emotions(root), problems)


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
    """One split. A sample ends at a sticker that is not in a dialogue's first turn.

    The text of the sticker's own turn is part of it; earlier stickers are not looked at. Left out and counted
    in `notes`: samples without any text, with a sticker whose image cannot be used, with an empty answer
    (tests without annotation), bad rows (`strict` raises them instead). ``candidates_11`` there says how many
    lists had that length.

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
    content = _parsed(path)
    rows = task2(content) if isinstance(content, list) else dialogues(content, path)
    if policy == "given" and not isinstance(content, list):
        raise InputError(f"{path} has dialogues without candidates; use the policy random or all")
    policy = policy or ("given" if isinstance(content, list) else "random")
    notes: Counter[str] = Counter()
    samples: list[RankingSample] = []
    bad = BadRows(path, notes, strict)
    for read in rows:
        if limit is not None and len(samples) >= limit:
            break
        with bad.reading():
            sample = read(split, stickers, notes)
            if sample is not None:
                samples.append(sample)
    bad.require(samples)
    if policy == "given":
        for length, count in Counter(len(sample.candidates) for sample in samples).items():
            notes[f"candidates_{length}"] = count
        return RankingData(samples, stickers.images, policy=policy, notes=dict(notes))
    bare = [RankingSample(s.id, s.conversation, s.sticker, s.pack, emotion=s.emotion) for s in samples]
    if policy == "all":
        ids = stickers.images.ids
        place = {id_: at for at, id_ in enumerate(ids)}
        ready = [sample.with_candidates(ids, place[sample.sticker]) for sample in bare]
        return RankingData(ready, stickers.images, policy=policy, notes=dict(notes))
    drawn = _random(bare, negatives, seed, fresh=split == "train")
    return RankingData(bare, stickers.images, drawn, policy=policy, notes=dict(notes))


def _random(samples: Sequence[RankingSample], negatives: int, seed: int, fresh: bool) -> Draw:
    """Others that were sent in these samples; fewer where there are fewer."""
    pool = sorted({sample.sticker for sample in samples})

    def draw(index: int, epoch: int) -> tuple[Sequence[str | None], int]:
        sent = samples[index].sticker
        rng = np.random.default_rng((seed, epoch if fresh else 0, index))
        at = rng.permutation(len(pool))[: negatives + 1]
        drawn: list[str | None] = [pool[i] for i in at if pool[i] != sent][:negatives]
        place = int(rng.integers(len(drawn) + 1))
        drawn.insert(place, sent)
        return drawn, place

    return draw


def _source(path: Path, id_: str, words: str) -> ImageSource:
    return replace(file_source(path, id_, PACK), said=Annotations(attributes=Attributes(verbal=words)))


def _words(root: Path) -> dict[str, str]:
    """What OCR read, by id; empty where nobody did."""
    path = _find(root, ["ocr_max10.json"])
    found: dict[str, str] = {}
    for id_, entry in _table(path).items() if path else ():
        text = entry.get("ocr") if isinstance(entry, dict) else entry
        if not isinstance(text, str):
            raise InputError(f"{path}, {id_!r}: got {short(entry)}; expected an object with ocr, a text")
        found[sticker_id(id_, f"{path}, {id_!r}")] = text.strip()
    return found


def _emotions(root: Path) -> dict[int, str]:
    path = _find(root, ["emotion_dict.json"])
    found: dict[int, str] = {}
    for name, value in _table(path).items() if path else ():
        if isinstance(value, bool) or not str(value).isdigit():
            raise InputError(f"{path}, {name!r}: got {short(value)}; expected a whole number")
        found[int(value)] = name
    return found


def _find(root: Path, names: Sequence[str]) -> Path | None:
    """The first of `names` (they may have wildcards) in the dataset's folder or one of its own."""
    places = [root / folder for folder in _FOLDERS if (root / folder).is_dir()]
    for name in names:
        for place in places:
            found = sorted(path for path in place.glob(name) if path.is_file())
            if found:
                return found[0]
    return None


def _table(path: Path) -> dict[str, Any]:
    content = _parsed(path)
    if not isinstance(content, dict):
        raise InputError(f"{path}: got {short(content)}; expected an object")
    return content


def _parsed(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}, line {error.lineno}, column {error.colno}: {error.msg}; expected one JSON document"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error})") from None
