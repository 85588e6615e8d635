"""DSTC10-MOD (Fei et al. 2021), Chinese and English, as it is distributed.

::

    c_train.json  c_val.json                      one object: "dialogue 7" -> its turns
    c_val_task2.json  c_test_{easy,hard}*.json    a list: history, candidate.set, answer
    e_train.json  e_test_{easy,hard}*.json  ...   the same in English
    meme_set/                                     the images
    img2id.json  emotion_dict.json                file name -> id, emotion -> id
    ocr_max10.json                                id -> the words in the image

Names differ between the release's README, what is in the download and the code that was written for it; all
of them are accepted, in the dataset's folder and in its ``train``, ``validation``, ``test`` and
``supplementary``.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from eval.datasets.json_file import read_json, read_table
from eval.datasets.mod_rows import dialogues, sticker_id, task2
from eval.datasets.reader import RawRow, short
from retriever.errors import InputError
from retriever.packs.entry import Annotations, PackEntry
from retriever.packs.limits import DEFAULT_LIMITS
from retriever.packs.readers.folder import read_file
from retriever.types import Attributes

__all__ = [
    "LANGUAGES",
    "PACK",
    "Language",
    "MODPolicy",
    "MODSplit",
    "find_split",
    "find_splits",
    "has_candidates",
    "is_mod",
    "read_content",
    "read_emotions",
    "rows",
    "sticker_entries",
]

PACK = "mod"

MODSplit = Literal["train", "valid", "easy", "hard"]
Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")

MODPolicy = Literal["given", "random", "all"]
"""``given``: the file's own candidates, ten in the paper and eleven in the release's examples. ``random``:
others that were sent in the split, drawn by the seed. ``all``: every sticker there is."""

_TESTS = ("annotated_{}_test_easy", "{}_test_easy", "{}_test_easy/")
_HARD = tuple(test.replace("easy", "hard") for test in _TESTS)

_SPLITS: dict[MODSplit, tuple[str, ...]] = {
    "train": ("{}_train", "train"),
    "valid": ("{}_val_task2", "val_task2", "validation_task2", "{}_val", "validation"),
    "easy": tuple(f"{test}{rest}" for rest in ("*task2*", "*") for test in _TESTS),
    "hard": tuple(f"{test}{rest}" for rest in ("*task2*", "*") for test in _HARD),
}
_FOLDERS = ("", "train", "validation", "test", "supplementary")


def find_split(
    root: Path, split: MODSplit, policy: MODPolicy | None = None, language: Language | None = None
) -> Path:
    """The file of a split, the better one for `policy` where there are two.

    Args:
        language: None takes Chinese, or English where there is no Chinese.

    Raises:
        InputError: there is none of any of its names.
    """
    wanted = (language,) if language else LANGUAGES
    names = [name for one in wanted for name in _names(split, one, policy)]
    found = _find(root, names)
    if found is None:
        raise InputError(f"{root} has no {split} split of DSTC10-MOD; expected one of {', '.join(names)}")
    return found


def is_mod(root: Path) -> bool:
    """Whether DSTC10-MOD lies there."""
    return _find(root, ["img2id.json"]) is not None


def find_splits(root: Path) -> dict[str, Path]:
    """The splits that are there; in two languages, English ones are called ``en-train`` and so on."""
    found: dict[str, Path] = {}
    for language in LANGUAGES:
        for split in _SPLITS:
            path = _find(root, _names(split, language))
            if path is not None and path not in found.values():
                found[f"en-{split}" if split in found else split] = path
    return found


def _names(split: MODSplit, language: Language, policy: MODPolicy | None = None) -> list[str]:
    letter = "c" if language == "zh" else "e"
    names = [f"{name.format(letter)}.json" for name in _SPLITS[split]]
    if split == "valid" and policy in ("random", "all"):
        names = [*names[3:], *names[:3]]
    # names without a language are those of the Chinese download
    return [name for name in names if language == "zh" or name.startswith(("e_", "annotated_e"))]


def sticker_entries(root: Path) -> Iterator[PackEntry]:
    """The stickers that ``img2id.json`` names by their ids, "030", with their words (``ocr_max10.json``).

    Raises:
        InputError: no ``img2id.json`` or no ``meme_set``, or a file that is not what it should be.
    """
    listed = _find(root, ["img2id.json"])
    folder = next((root / p / "meme_set" for p in _FOLDERS if (root / p / "meme_set").is_dir()), None)
    if listed is None or folder is None:
        lacks = "img2id.json" if listed is None else "meme_set"
        raise InputError(f"{root} has no {lacks}; give the folder that DSTC10-MOD was unpacked to")
    ids: dict[str, str] = {}
    for name, value in read_table(listed).items():
        id_ = sticker_id(value, f"{listed}, {name!r}")
        if id_ in ids:
            raise InputError(
                f"{listed}, {name!r}: id {id_} is that of {ids[id_]!r} already; ids have to differ"
            )
        if Path(name).name != name or name in ("", "."):
            raise InputError(f"{listed}: got the file name {name!r}; expected one in {folder.name}")
        ids[id_] = name
    words = _words(root)
    for id_, name in sorted(ids.items()):
        file = folder / name
        said = Annotations(attributes=Attributes(verbal=words.get(id_, "")))
        yield PackEntry(
            id_, PACK, str(file), file, partial(read_file, file, DEFAULT_LIMITS.max_file_bytes), said
        )


def read_emotions(root: Path) -> dict[int, str]:
    """Names by number; empty where ``emotion_dict.json`` is not there.

    Raises:
        InputError: the file is not what it should be.
    """
    path = _find(root, ["emotion_dict.json"])
    found: dict[int, str] = {}
    for name, value in read_table(path).items() if path else ():
        if isinstance(value, bool) or not str(value).isdigit():
            raise InputError(f"{path}, {name!r}: got {short(value)}; expected a whole number")
        found[int(value)] = name
    return found


def read_content(path: Path) -> Any:
    """A split's file, parsed as a whole.

    Raises:
        InputError: it is no JSON document.
    """
    return read_json(path)


def has_candidates(content: Any) -> bool:
    """Whether a split's file is of the second task, whose rows have candidates."""
    return isinstance(content, list)


def rows(content: Any, path: Path, split: str, emotions: dict[int, str]) -> Iterator[RawRow]:
    """The rows of a split: of dialogues, or of the second task.

    A sample ends at a sticker that is not in a dialogue's first turn. The text of the sticker's own turn is
    part of it; earlier stickers are not looked at. One without any text is left out.

    Args:
        content: of `read_content`.
        emotions: of `read_emotions`.

    Raises:
        InputError: neither of both.
    """
    if isinstance(content, list):
        return task2(content, split, emotions)
    return dialogues(content, path, split, emotions)


def _words(root: Path) -> dict[str, str]:
    """What OCR read, by id; empty where nobody did."""
    path = _find(root, ["ocr_max10.json"])
    found: dict[str, str] = {}
    for id_, entry in read_table(path).items() if path else ():
        text = entry.get("ocr") if isinstance(entry, dict) else entry
        if not isinstance(text, str):
            raise InputError(f"{path}, {id_!r}: got {short(entry)}; expected an object with ocr, a text")
        found[sticker_id(id_, f"{path}, {id_!r}")] = text.strip()
    return found


def _find(root: Path, names: Sequence[str]) -> Path | None:
    """The first of `names` (they may have wildcards) in the dataset's folder or one of its own."""
    places = [root / folder for folder in _FOLDERS if (root / folder).is_dir()]
    for name in names:
        for place in places:
            found = sorted(path for path in place.glob(name) if path.is_file() and path.suffix == ".json")
            if found:
                return found[0]
    return None
