"""Which conversations and stickers a ranker is trained on: the ``[data]`` table of a configuration."""

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from eval.datasets.mod import MODPolicy
from eval.datasets.same_pack import NativePolicy
from eval.datasets.same_set import SetPolicy
from eval.datasets.stickerint import IntPolicy

__all__ = ["RankingDataConfig"]

POLICIES: dict[str, tuple[str, ...]] = {
    "native": get_args(NativePolicy),
    "stickerchat": get_args(SetPolicy),
    "mod": get_args(MODPolicy),
    "stickerint": get_args(IntPolicy),
}


class RankingDataConfig(BaseModel):
    """Data and how negatives are chosen.

    Attributes:
        path: the dataset's folder; what ``--data`` sets.
        format: ``native`` (``train.jsonl``, ``valid.jsonl`` and packs), ``stickerchat``, ``mod``
            (DSTC10-MOD) or ``stickerint``.
        packs: of ``native``: the packs that its stickers are from; ``starter`` is the one that ships. Empty
            takes ``stickers/`` in the dataset's folder.
        policy: of negatives; None is ``other_label_same_pack``, ``srs_first9``, what the file gives (``mod``)
            or ``all`` (``stickerint``). See `eval.datasets.same_pack`, `eval.datasets.same_set`,
            `eval.datasets.mod` and `eval.datasets.stickerint`; the policies of the last two are of
            validation, while training draws at random.
        negatives: drawn beside the gold; the paper has nine.
        seed: of the negatives.
        text: of ``stickerchat``: ``joined`` takes the spaces between its words out, ``words`` keeps them.
        limit, valid_limit: only so many rows of a split.
        take: which rows those are: the ``first`` ones, or as many ``spread`` evenly over the whole split,
            whose labels and dialogues are then those of the split.
        cache: where decoded images and a teacher's outputs are kept; None is `default_cache`.
        frozen: of ``stickerchat``: a folder for the chosen candidates; None is the dataset's own.
        teacher: a folder that ``sticker train teacher`` wrote, for losses that need one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str | None = None
    format: Literal["native", "stickerchat", "mod", "stickerint"] = "native"
    packs: tuple[str, ...] = ()
    policy: str | None = None
    negatives: int = Field(default=9, ge=1)
    seed: int = 42
    text: Literal["joined", "words"] = "joined"
    limit: int | None = Field(default=None, ge=1)
    valid_limit: int | None = Field(default=None, ge=1)
    take: Literal["first", "spread"] = "first"
    cache: str | None = None
    frozen: str | None = None
    teacher: str | None = None

    @model_validator(mode="after")
    def _fits(self) -> "RankingDataConfig":
        known = POLICIES[self.format]
        if self.policy is not None and self.policy not in known:
            raise ValueError(
                f"policy is {self.policy!r}, which {self.format} data do not have; "
                f"expected {', '.join(known)}"
            )
        return self
