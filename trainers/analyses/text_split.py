"""Success by whether the right sticker has words in it (MMBERT, table 4), and by whether training saw it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from retriever.errors import InputError
from retriever.rankers.base import Ranker
from trainers.analyses.everything import among_all, drawn, scores_of
from trainers.analyses.subjects import Subject, seen_as
from trainers.datasets.load import load_ranking
from trainers.datasets.ranking import RankingData
from trainers.ranking.measure import measure

__all__ = ["text_split"]


def text_split(subject: Subject[Ranker], data: RankingData, with_seen: bool = True) -> list[dict[str, Any]]:
    """R@k and MAP in percent, a row for each group of samples and kind of candidates.

    Groups: ``all``, ``text`` (the sent sticker has words), ``no text``, their ``difference``, and ``seen``
    and ``unseen`` (whether a training sample sent it). Candidates: ``all`` stickers, as in table 4, and those
    ``given``, where samples have some.

    Args:
        with_seen: read the training split too.

    Raises:
        InputError: nobody has read the words in these stickers.
    """
    stickers = data.stickers
    words = np.array([bool(one.attributes.verbal.strip()) for one in stickers.said], bool)
    if not words.any():
        raise InputError(
            "no sticker of these data is known to have words in it; annotate the packs (`verbal`), or add "
            "ocr_max10.json to DSTC10-MOD"
        )
    golds = stickers.rows([sample.sticker for sample in data.samples])
    groups = {"all": np.ones(len(golds), bool), "text": words[golds], "no text": ~words[golds]}
    if with_seen:
        seen = _seen(subject)
        known = np.array([sample.sticker in seen for sample in data.samples], bool)
        groups |= {"seen": known, "unseen": ~known}
    lists = {"all": among_all(data)}
    if data.policy != "all" and (data.drawn is not None or all(sample.candidates for sample in data.samples)):
        lists["given"] = drawn(data)
    told: list[dict[str, Any]] = []
    for kind, samples in lists.items():
        scores = scores_of(subject.ranker, samples, stickers, subject.words)
        found: dict[str, dict[str, float]] = {}
        for name, chosen in groups.items():
            rows = np.flatnonzero(chosen).tolist()
            if rows:
                found[name] = measure([samples[at] for at in rows], [scores[at] for at in rows])
        if "text" in found and "no text" in found:
            both = found["text"], found["no text"]
            found["difference"] = {key: both[0][key] - both[1][key] for key in both[0]}
        for name, row in found.items():
            count = int(groups[name].sum()) if name in groups else None
            rounded = {key: round(value, 2) for key, value in row.items()}
            told.append(
                {"name": subject.name, "candidates": kind, "group": name, "samples": count, **rounded}
            )
    return told


def _seen(subject: Subject[Ranker]) -> frozenset[str]:
    train: Sequence[Any] = load_ranking(subject.config, *seen_as(subject.ranker)).train.samples
    return frozenset(sample.sticker for sample in train)
