"""Samples with the candidates that a policy gives them, frozen ones where a file has them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path

from eval.datasets.choices import Choice, SentSticker
from eval.datasets.formats import Format
from eval.datasets.frozen import file_digest, load_frozen
from eval.datasets.policies import WITHOUT_CANDIDATES, Pools, choose_by, distinct
from eval.datasets.reader import Rows, SampleReader
from eval.datasets.samples import Sample
from eval.labels import LABEL_FIELDS, LabelField, label_of
from retriever.errors import InputError

__all__ = ["candidates_by", "frozen_file", "look_through", "pack_of", "sent_of"]


def frozen_file(root: Path, policy: str, seed: int, split: str) -> Path:
    """Where the candidates of a split are frozen: in ``candidates/``, or in the folder itself."""
    name = f"candidates-{policy}-{seed}-{split}.jsonl"
    inner = root / "candidates" / name
    return inner if inner.is_file() else root / name


def candidates_by(
    policy: str, kind: Format, root: Path, split: str, path: Path, rows: Rows, negatives: int, seed: int
) -> Callable[[], Callable[[Sample], Sample]]:
    """For `eval.datasets.reader.SampleReader`: gives every sample its candidates by `policy`.

    Those of a file of frozen candidates are taken where there is one (`frozen_file`). Else the file is read
    twice, and they are drawn anew each time, always the same ones.

    Args:
        path, rows: the split's file, and how it is read.
    """

    def prepare() -> Callable[[Sample], Sample]:
        if policy == "given":
            return lambda sample: sample
        if policy in WITHOUT_CANDIDATES:
            return lambda sample: replace(sample, candidates=None)
        frozen = frozen_file(root, policy, seed, split)
        if frozen.is_file():
            choices = _frozen(frozen, path)
            return lambda sample: _among(sample, choices.get(sample.conversation.id))
        pools = kind.pools(root, split)
        packs = pack_of(pools)
        sent, field = look_through(SampleReader(path, rows=rows), packs)
        choose, place = choose_by(policy, sent, pools.labelled(field), negatives, seed), count()

        def chosen(sample: Sample) -> Sample:
            asked = sent_of(sample, packs)
            return sample if asked is None else _among(sample, choose(next(place), asked))

        return chosen

    return prepare


def pack_of(pools: Pools) -> dict[str, str]:
    """The pack of every sticker."""
    return {id_: pack for pack, ids in pools.packs.items() for id_ in ids}


def look_through(
    samples: Iterable[Sample], packs: Mapping[str, str]
) -> tuple[list[SentSticker], LabelField | None]:
    """What was sent in a split, in order, and the field that its samples are judged by."""
    sent = []
    have: set[str] = set()
    for sample in samples:
        have.update(name for name in LABEL_FIELDS if label_of(sample, name))
        found = sent_of(sample, packs)
        if found is not None:
            sent.append(found)
    return sent, next((name for name in LABEL_FIELDS if name in have), None)


def sent_of(sample: Sample, packs: Mapping[str, str]) -> SentSticker | None:
    """The sample as policies see it; None where no sticker was sent.

    Args:
        packs: of the stickers that are there; one that is not is of the pack that its id begins with.
    """
    if sample.gold is None:
        return None
    pack = packs.get(sample.gold) or sample.gold.rpartition("/")[0]
    return SentSticker(sample.conversation.id, sample.gold, pack)


def _frozen(frozen: Path, path: Path) -> Mapping[str, Choice]:
    found = load_frozen(frozen)
    if found.source != file_digest(path):
        raise InputError(f"{frozen} has candidates of another {path.name}; remove it to choose anew")
    return found.choices


def _among(sample: Sample, choice: Choice | None) -> Sample:
    return replace(sample, candidates=None if choice is None else distinct(choice))
