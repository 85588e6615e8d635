"""StickerChat (Gao et al. 2020) in the layout of its release.

::

    release_train.json  release_val.json     JSON Lines
    npy_stickers/<set>/<sticker>.npy         (128, 128, 3) uint8
    npy_stickers/<set>/emoji_mapping.txt     <sticker>\\t<emoji>; its order is the negatives'
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from retriever.errors import ConversationError, InputError
from retriever.rankers.parts.config import Fit
from retriever.types import Conversation, Utterance
from trainers.datasets.bad_rows import BadRows
from trainers.datasets.frozen import freeze
from trainers.datasets.ranking import RankingData, RankingSample, StickerImages
from trainers.datasets.same_set import SetPolicy, chooser
from trainers.datasets.stickers import load_stickers
from trainers.images.sources import array_source

__all__ = ["SPLIT_FILES", "load_stickerchat", "open_sets", "read_mapping"]

SPLIT_FILES = {"train": "release_train.json", "valid": "release_val.json"}
STICKERS = "npy_stickers"
MAPPING = "emoji_mapping.txt"

_MAPPING_HINT = "expected '<sticker id>\\t<emoji>'"


def read_mapping(path: Path) -> list[str]:
    """Sticker ids of a set's mapping file, in its order; a line without an emoji counts too.

    Raises:
        InputError: a line is something else; names file and line.
    """
    found: dict[str, None] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if not line.strip():
            continue
        sticker = line.split("\t")[0].strip()
        if not sticker or any(letter.isspace() for letter in sticker):
            raise InputError(f"{path}, line {number}: got {line[:60]!r}; {_MAPPING_HINT}")
        found[sticker.removesuffix(".npy")] = None
    return list(found)


def open_sets(
    root: Path,
    cache: Path,
    side: int = 128,
    fit: Fit = "pad",
    blank: int = 127,
    show_progress: bool | None = None,
) -> tuple[StickerImages, dict[str, list[str]], dict[str, str]]:
    """All stickers under ``npy_stickers``: pixels, the mapping of each set, what cannot be used and why.

    Ids are ``set/sticker``. Stickers that a mapping leaves out are loaded too (a gold may be one), and a set
    without a mapping file counts as one with an empty one.

    Raises:
        InputError: no such folder, nothing in it, or a bad mapping file.
    """
    folder = root / STICKERS
    if not folder.is_dir():
        raise InputError(f"{root} has no {STICKERS}; give the folder that StickerChat was unpacked to")
    mapping: dict[str, list[str]] = {}
    sources = []
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        listed = read_mapping(place / MAPPING) if (place / MAPPING).is_file() else []
        mapping[place.name] = [f"{place.name}/{sticker}" for sticker in listed]
        sources += [
            array_source(file, f"{place.name}/{file.stem}", place.name)
            for file in sorted(place.glob("*.npy"))
        ]
    images, problems = load_stickers(sources, cache, side, fit, blank, show_progress)
    return images, mapping, problems


def load_stickerchat(
    root: Path,
    split: Literal["train", "valid"],
    images: StickerImages,
    mapping: dict[str, list[str]],
    policy: SetPolicy = "srs_first9",
    negatives: int = 9,
    seed: int = 42,
    frozen: Path | None = None,
    text: Literal["joined", "words"] = "joined",
    limit: int | None = None,
    strict: bool = False,
) -> RankingData:
    """One split with frozen candidates.

    Left out and counted in `notes`: rows whose context has no text, rows whose sticker has no usable image,
    bad rows (`strict` raises them instead). The counts of repeated golds and empty slots are there as well.

    Args:
        images, mapping: of `open_sets`.
        frozen: where candidates are kept; None puts ``candidates-<policy>-<seed>-<split>.jsonl`` into `root`.
        text: ``joined`` takes the spaces between the segmented words out, as PBR's code does before BERT's
            tokenizer; ``words`` leaves them, for encoders of words.
        limit: the first so many rows.

    Raises:
        InputError: no such file, not one usable row, or frozen candidates of other settings.
        ConversationError: a bad row, where `strict`; names file, line, field.
    """
    path = root / SPLIT_FILES[split]
    if not path.is_file():
        raise InputError(f"{root} has no {path.name}; give the folder that StickerChat was unpacked to")
    notes: Counter[str] = Counter()
    samples: list[RankingSample] = []
    bad = BadRows(path, notes, strict)
    with path.open(encoding="utf-8") as lines:
        for number, line in _numbered(lines, limit):
            with bad.reading(number):
                sample = _sample(line, f"{split}-{number}", text)
                if sample is None:
                    notes["no_text"] += 1
                elif sample.sticker not in images:
                    notes["sticker_without_image"] += 1
                else:
                    samples.append(sample)
    bad.require(samples)
    mapping = {pack: [id_ for id_ in ids if id_ in images] for pack, ids in mapping.items()}
    where = frozen or root / f"candidates-{policy}-{seed}-{split}{f'-{limit}' if limit else ''}.jsonl"
    lists = freeze(where, samples, chooser(policy, mapping, negatives, seed), policy, seed, path)
    ready = [sample.with_candidates(*lists.choices[sample.id]) for sample in samples]
    return RankingData(ready, images, policy=policy, notes={**notes, **lists.counts})


def _numbered(lines: Iterable[str], limit: int | None) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, start=1):
        if limit is not None and number > limit:
            return
        if line.strip():
            yield number, line


def _sample(line: str, id_: str, text: str) -> RankingSample | None:
    """One line; None where no utterance has text."""
    try:
        row = json.loads(line)
    except ValueError:
        raise ConversationError("not JSON; expected one object a line") from None
    if not isinstance(row, dict):
        raise ConversationError(f"got a {type(row).__name__}; expected an object with context and current")
    context, current = row.get("context"), row.get("current")
    if not isinstance(context, list):
        raise ConversationError(f"context: got {_short(context)}; expected a list of utterances")
    if not isinstance(current, dict):
        raise ConversationError(f"current: got {_short(current)}; expected an object")
    pack = _id(current, "current", "sticker_set_id")
    sticker = f"{pack}/{_id(current, 'current', 'sticker_id')}"
    utterances = list(_utterances(context, text))
    if not utterances:
        return None
    sender = _id(current, "current", "from_id")
    mode: Literal["reply", "supplement"] = "supplement" if utterances[-1].speaker == sender else "reply"
    conversation = Conversation(tuple(utterances), mode, sender, id_)
    return RankingSample(id_, conversation, sticker, pack)


def _utterances(context: Sequence[Any], text: str) -> Iterator[Utterance]:
    for number, turn in enumerate(context):
        where = f"context.{number}"
        if not isinstance(turn, dict):
            raise ConversationError(f"{where}: got {_short(turn)}; expected an object with text and from_id")
        said = turn.get("text")
        if not isinstance(said, str):
            raise ConversationError(f"{where}.text: got {_short(said)}; expected text")
        words = said.split()
        if words:
            yield Utterance(_id(turn, where, "from_id"), ("" if text == "joined" else " ").join(words))


def _id(fields: dict[str, Any], where: str, name: str) -> str:
    """64-bit ids, as text or whole numbers; a float has lost digits."""
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise ConversationError(
            f"{where}.{name}: got {_short(value)}; expected an id (a whole number or text)"
        )
    return str(value)


def _short(value: object) -> str:
    return "nothing" if value is None else f"{type(value).__name__} {str(value)[:40]!r}"
