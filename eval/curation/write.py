"""A dataset in the native format, written as a whole or not at all.

::

    dataset.json                            what it was made of: source, its hashes, policy, seed, counts
    train.jsonl  valid.jsonl                conversations (`eval.datasets`), with candidates by the policy
    stickers/stickers.jsonl  images/...     the stickers as a native pack
    candidates/candidates-<policy>-<seed>-<split>.jsonl    frozen lists (`eval.datasets.frozen`)
    inferences.jsonl                        what the data say was inferred, where they say anything
"""

import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eval.datasets.samples import Sample
from retriever.conversations import conversation_hash
from retriever.errors import InputError
from retriever.labels import RELATIONS
from retriever.progress import Advance, nothing
from retriever.store.atomic import TEMPORARY, make_folder, sync, temporary_beside

__all__ = ["ABOUT", "new_dataset", "sample_row", "write_about", "write_rows"]

ABOUT = "dataset.json"


@contextmanager
def new_dataset(out: Path, about: Mapping[str, Any]) -> Iterator[Path | None]:
    """A temporary folder that becomes `out` when the block ends well; None where it is there already.

    What a run that was killed left behind is removed.

    Args:
        about: what the dataset is made of; a folder made of the same is "there already".

    Raises:
        InputError: `out` holds something else.
    """
    out = out.expanduser().absolute()
    if out.exists():
        if _made_of(out) == json.loads(json.dumps(about)):
            yield None
            return
        if not out.is_dir() or any(out.iterdir()):
            raise InputError(f"{out} holds something else; name a folder that is not there yet")
    make_folder(out.parent)
    _remove_remains(out)
    temporary = temporary_beside(out)
    temporary.mkdir()
    try:
        yield temporary
        os.sync()
        temporary.rename(out)  # an empty folder gives way, a full one does not
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync(out.parent)


def write_about(folder: Path, about: Mapping[str, Any], counts: Mapping[str, Any]) -> None:
    """Write ``dataset.json``: what the dataset is made of, and what came of it."""
    text = json.dumps({"made_of": about, "counts": counts}, ensure_ascii=False, indent=2)
    (folder / ABOUT).write_text(text + "\n", encoding="utf-8")


def write_rows(
    path: Path, samples: Iterable[Sample], inferences: Path | None = None, advance: Advance = nothing
) -> int:
    """Samples as a native file; gives how many.

    Args:
        inferences: a file that is added to, where samples have inferences.
    """
    n = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for sample in samples:
            n += 1
            advance(1)
            file.write(json.dumps(sample_row(sample), ensure_ascii=False) + "\n")
            if inferences is not None and sample.conversation.inferences is not None:
                _add_inference(inferences, sample)
    return n


def sample_row(sample: Sample) -> dict[str, Any]:
    """A row of the native format; without what the sample does not have."""
    talk = sample.conversation
    row: dict[str, Any] = {
        "id": talk.id,
        "mode": talk.mode,
        "utterances": [{"speaker": one.speaker, "text": one.text} for one in talk.utterances],
        "reply_speaker": talk.reply_speaker,
        "sticker": sample.gold,
        "candidates": None if sample.candidates is None else list(sample.candidates),
        "emotion": sample.emotion,
        "emoji": sample.emoji,
        "intention": sample.intention,
        "dialogue": sample.dialogue,
    }
    return {name: value for name, value in row.items() if value is not None}


def _add_inference(path: Path, sample: Sample) -> None:
    said = sample.conversation.inferences
    found = {name: list(getattr(said, name)) for name in RELATIONS if getattr(said, name)}
    row = {"conversation": conversation_hash(sample.conversation), "intention": None, "inferences": found}
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _made_of(out: Path) -> Any:
    try:
        return json.loads((out / ABOUT).read_text(encoding="utf-8"))["made_of"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remove_remains(out: Path) -> None:
    """Folders beside `out` that a killed run was writing to; one of a run that lives stays."""
    mine = re.compile(rf"{re.escape(TEMPORARY)}(\d+)-[0-9a-f]{{8}}-{re.escape(out.name)}")
    for place in out.parent.iterdir():
        found = mine.fullmatch(place.name)
        if found and not _lives(int(found[1])):
            shutil.rmtree(place, ignore_errors=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
