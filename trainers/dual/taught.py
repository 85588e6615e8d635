"""What other dual rankers say of a dataset's rows: soft labels that a ranker is taught beside the true ones.

Several rankers together know more than each; one that learns what they say together keeps part of it, at the
price of one (Hinton et al. 2015, arXiv:1503.02531; rows that nobody labelled teach, too). Their answers are
kept in a file a checkpoint, which grows: a run that goes on, and every other with the same teacher and rows,
asks only for what is missing.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from torch import Tensor

from retriever.errors import InputError
from retriever.progress import bar
from retriever.rankers import load_ranker
from retriever.rankers.dual.ranker import DualRanker
from retriever.store.atomic import make_folder, temporary_beside
from retriever.types import Conversation

__all__ = ["Subject", "soft_labels", "taught_loss"]

Floats = NDArray[np.float32]
Subject = Literal["emotion", "emoji"]

TEMPERATURE = 2.0
"""Of teachers and student: teachers are all but certain of rows that they were trained on."""
_AT_ONCE = 512


def soft_labels(
    teachers: Sequence[str],
    subject: Subject,
    labels: Sequence[str],
    talks: Sequence[Conversation],
    work: Path,
) -> Floats:
    """(n, labels) log probabilities: the mean of the teachers', made to add up to 1.

    Args:
        teachers: folders of dual checkpoints.
        subject: which of their heads is asked.
        labels: the student's, in its order.
        talks: the rows.
        work: where answers are kept.

    Raises:
        InputError: a teacher is no dual ranker or has learnt other labels.
        ModelError: a checkpoint cannot be read.
    """
    said = np.mean([_said(Path(teacher), subject, labels, talks, work) for teacher in teachers], axis=0)
    return np.asarray(said - np.log(np.exp(said).sum(1, keepdims=True)), np.float32)


def _said(
    folder: Path, subject: Subject, labels: Sequence[str], talks: Sequence[Conversation], work: Path
) -> Floats:
    ranker = load_ranker(folder.expanduser())
    if not isinstance(ranker, DualRanker):
        raise InputError(f"teacher {folder} is a {ranker.family} ranker; expected a dual one")
    own = ranker.labels[subject]
    if sorted(own) != sorted(labels):
        knows = f"{len(own)} labels ({', '.join(own[:3])} ...)" if own else "none"
        raise InputError(
            f"teacher {folder} knows other labels of {subject} than the data have: {knows}, expected "
            f"{len(labels)} ({', '.join(labels[:3])} ...); train it on the same datasets"
        )
    answers = _file(work, ranker.model_id, subject, talks, len(own))
    missing = np.flatnonzero(np.isnan(answers[:, 0]))
    with bar(f"Asking {folder.parent.name}/{folder.name}", len(missing), unit="rows") as advance:
        for start in range(0, len(missing), _AT_ONCE):
            rows = missing[start : start + _AT_ONCE]
            answers[rows] = ranker.read([talks[row] for row in rows])[subject]
            answers.flush()
            advance(len(rows))
    return np.asarray(answers[:, [own.index(label) for label in labels]])


def _file(
    work: Path, teacher: str, subject: Subject, talks: Sequence[Conversation], labels: int
) -> np.memmap[tuple[int, ...], np.dtype[np.float32]]:
    """The answers so far, (n, labels) and NaN where there is none yet."""
    import hashlib

    asked = [(talk.mode, talk.reply_speaker, talk.utterances) for talk in talks]
    told = hashlib.sha256(repr(asked).encode()).hexdigest()
    file = work / f"{teacher.replace('@', '-')}-{subject}-{told[:12]}.npy"
    if not file.is_file():
        make_folder(work)
        started = temporary_beside(file)
        empty = open_memmap(started, "w+", np.float32, (len(talks), labels))
        empty[:] = np.nan
        empty.flush()
        try:
            os.link(started, file)  # unlike a replacement, it leaves what another run has begun meanwhile
        except OSError:
            if not file.is_file():  # no hard links here
                started.replace(file)
        finally:
            started.unlink(missing_ok=True)
    return open_memmap(file, "r+")


def taught_loss(said: Mapping[Subject, Tensor], taught: Mapping[Subject, Tensor]) -> Tensor:
    """KL(teachers || student), both at `TEMPERATURE`, times its square, averaged over rows; a scalar.

    Args:
        said: (k, labels) log probabilities of each head.
        taught: (k, labels) log probabilities of the same; rows of NaN are taught nothing.
    """
    total, rows = next(iter(said.values())).new_zeros(()), 0
    for subject, target in taught.items():
        known = ~target[:, 0].isnan()
        wanted = (target[known] / TEMPERATURE).log_softmax(-1)
        heard = (said[subject][known] / TEMPERATURE).log_softmax(-1)
        total = total + TEMPERATURE**2 * (wanted.exp() * (wanted - heard)).sum()
        rows += int(known.sum())
    return total / max(1, rows)
