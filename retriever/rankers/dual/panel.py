"""Several dual rankers as one: a panel, whose score is the weighted mean of what its members say.

Members' scores are log probabilities and so on one scale: their mean is the score of a product of experts,
each of which may have another tower (Hinton 1999; for classifiers trained apart it is the ensemble of Hansen
and Salamon 1990). A panel costs what all its members cost together.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from retriever.checkpoints import CARD, CONFIG, SCHEMA, WEIGHTS, content_id, read_config
from retriever.errors import ModelError
from retriever.labels import EMOTIONS, INTENTIONS
from retriever.rankers.base import StickerFeatures
from retriever.rankers.dual.ranker import DualRanker
from retriever.rankers.dual.together import whole_shares
from retriever.rankers.registry import load_ranker
from retriever.scorers.base import Scores
from retriever.store.atomic import new_folder, write_bytes, write_json
from retriever.types import Conversation, Sticker

__all__ = ["MEMBERS", "Panel", "load_panel", "write_panel"]

MEMBERS = "members"
"""In a panel's configuration: its members' model ids and shares; they lie in sub-folders 0, 1, ..."""


class Panel:
    """A panel, ready to score. Instances may be shared by threads.

    Attributes:
        members: the rankers.
        shares: what each counts; they add up to 1.

    Features: those of every member, ``vector`` and ``labels``, each behind the member's number and a dot.
    """

    family = "panel"
    dense = True

    def __init__(self, members: Sequence[DualRanker], shares: Sequence[float], model_id: str) -> None:
        self.members, self.shares, self.model_id = tuple(members), tuple(shares), model_id

    def encode_stickers(self, stickers: Sequence[Sticker]) -> StickerFeatures:
        """The sticker side of every member."""
        return {
            f"{number}.{name}": values
            for number, member in enumerate(self.members)
            for name, values in member.encode_stickers(stickers).items()
        }

    def prepare(self, conversations: Sequence[Conversation]) -> None:
        """Have every member read the conversations of the next questions at once."""
        for member in self.members:
            member.prepare(conversations)

    def score(self, conversation: Conversation, features: StickerFeatures) -> Scores:
        """(n,) scores; two stickers with equal features score equal to the last bit."""
        said = [
            share * member.score(conversation, _own(features, number))
            for number, (member, share) in enumerate(zip(self.members, self.shares, strict=True))
        ]
        return np.asarray(np.sum(said, axis=0), np.float64)

    def expected(self, conversation: Conversation) -> dict[str, dict[str, float]]:
        """Probabilities of emotions and of intentions: the geometric mean of the members', adding to 1."""
        each = [member.expected(conversation) for member in self.members]
        found = {}
        for kind, labels in (("emotion", EMOTIONS), ("intention", INTENTIONS)):
            logs = np.log([[one[kind][label] + 1e-12 for label in labels] for one in each])
            product = np.exp(np.average(logs, axis=0, weights=self.shares))
            found[kind] = dict(zip(labels, (product / product.sum()).tolist(), strict=True))
        return found


def load_panel(folder: Path, config: Mapping[str, Any], device: str = "auto") -> Panel:
    """The loader of the family; see `retriever.rankers.registry`."""
    members, shares = [], []
    for number, row in enumerate(_rows(folder, config)):
        place = folder / str(number)
        own = read_config(place)
        if own["family"] != "dual":
            raise ModelError(f"{place} is a {own['family']} ranker; members of a panel are dual ones")
        if f"dual@{content_id(place)}" != row["checkpoint"]:
            raise ModelError(f"{place} is not the {row['checkpoint']} it was when the panel was made")
        members.append(DualRanker(place, own, device))
        shares.append(float(row["share"]))
    return Panel(members, shares, f"panel@{content_id(folder)}")


def write_panel(folders: Sequence[Path], shares: Sequence[float], out: Path) -> None:
    """Write a panel to `out`: a checkpoint that has its members in it.

    Args:
        folders: dual checkpoints; their towers, vocabularies and emoji may differ.
        shares: what each counts; above 0, of any sum.
        out: a new or empty folder.

    Raises:
        InputError: fewer than two checkpoints, shares that do not fit, or `out` has something in it.
        ModelError: a checkpoint cannot be opened, or is of another family.
    """
    parts = whole_shares(folders, shares, out, "a panel")
    for folder in folders:
        if not isinstance(ranker := load_ranker(folder), DualRanker):
            raise ModelError(f"{folder} is a {ranker.family} ranker; members of a panel are dual ones")
    rows = [
        {"checkpoint": f"dual@{content_id(folder)}", "share": share}
        for folder, share in zip(folders, parts, strict=True)
    ]
    with new_folder(out) as made:
        for number, folder in enumerate(folders):
            copytree(folder, made / str(number))
        write_json(made / CONFIG, {"family": Panel.family, "schema": SCHEMA, MEMBERS: rows})
        save_file({"shares": np.array([row["share"] for row in rows], np.float32)}, made / WEIGHTS)
        write_bytes(made / CARD, _card(rows).encode())


def _card(rows: Sequence[Mapping[str, Any]]) -> str:
    table = "\n".join(
        f"| [`{row['checkpoint']}`]({number}/{CARD}) | {row['share']:.2f} |"
        for number, row in enumerate(rows)
    )
    return f"""# A panel of {len(rows)} dual rankers

| member | share |
| --- | --- |
{table}

Its score is the weighted mean of theirs. Nothing was measured of the panel: `sticker eval --ranker` does it.
"""


def _rows(folder: Path, config: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = config.get(MEMBERS)
    if not isinstance(rows, list) or not rows or not all(_is_member(row) for row in rows):
        raise ModelError(f"{folder} names no members: it is not a whole panel; make it again")
    return list(rows)


def _is_member(row: object) -> bool:
    return isinstance(row, dict) and "checkpoint" in row and isinstance(row.get("share"), int | float)


def _own(features: StickerFeatures, number: int) -> StickerFeatures:
    prefix = f"{number}."
    return {name.removeprefix(prefix): a for name, a in features.items() if name.startswith(prefix)}
