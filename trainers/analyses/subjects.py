"""What is analysed: checkpoints, each with validation data as it was trained on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar, runtime_checkable

from pydantic import ValidationError

from retriever.checkpoints import CONFIG, TRAINING
from retriever.errors import InputError
from retriever.rankers import load_ranker
from retriever.rankers.base import Ranker
from retriever.rankers.parts.config import Fit, ImageConfig
from retriever.types import Sticker
from trainers.datasets.config import RankingDataConfig
from trainers.datasets.ranking import RankingData

if TYPE_CHECKING:
    from retriever.rankers.pbr.ranker import PBRRanker

__all__ = ["PBRSubject", "Seeing", "Subject", "open_subject", "open_subjects", "seen_as"]


@runtime_checkable
class Seeing(Protocol):
    """A ranker that looks at pictures."""

    @property
    def image(self) -> ImageConfig: ...


R = TypeVar("R", bound=Ranker)

_UNSEEN: tuple[int, Fit] = (8, "pad")


def seen_as(ranker: object) -> tuple[int, Fit]:
    """The side and the fit of the pictures a ranker looks at; small ones for a ranker that does not look."""
    return (ranker.image.size, ranker.image.fit) if isinstance(ranker, Seeing) else _UNSEEN


@dataclass(frozen=True, slots=True)
class Subject(Generic[R]):
    """A ranker and validation data, with pictures of its size where it looks at them.

    Attributes:
        name: of the configuration it was trained with, or its folder's.
        teacher: the teacher's folder it was trained with, or None.
        cache: where decoded images lie.
        config: the data it was trained with, or the one named.
        told: the configuration of its run, else the one its ``training.json`` keeps; empty where neither is
            there.
        words: what is known in words of the stickers it is measured with, for rankers that read it; empty
            where nobody has looked.
    """

    name: str
    ranker: R
    data: RankingData
    teacher: Path | None
    cache: Path
    config: RankingDataConfig
    told: Mapping[str, Any] = field(default_factory=dict)
    words: Sequence[Sticker] = ()


PBRSubject: TypeAlias = Subject["PBRRanker"]


def open_subjects(
    checkpoints: Sequence[Path],
    data: str | None = None,
    packs: Sequence[str] = (),
    limit: int | None = None,
    device: str = "auto",
    show_progress: bool | None = None,
) -> list[PBRSubject]:
    """Open PBR checkpoints and the validation data named, or else those their runs were given.

    Args:
        data: a dataset's folder, read as the checkpoint's own data were.
        packs: its packs.
        limit: the first so many rows.

    Raises:
        InputError: no checkpoint, one of another family than PBR, or no data named anywhere.
        ModelError: a checkpoint cannot be opened.
    """
    from retriever.rankers.pbr.ranker import PBRRanker

    if not checkpoints:
        raise InputError("no checkpoint given; name a folder that `sticker train` wrote (its best/ folder)")
    return [open_subject(path, PBRRanker, data, packs, limit, device, show_progress) for path in checkpoints]


def open_subject(
    path: Path,
    kind: type[R],
    data: str | None = None,
    packs: Sequence[str] = (),
    limit: int | None = None,
    device: str = "auto",
    show_progress: bool | None = None,
) -> Subject[R]:
    """Open one checkpoint of the family whose ranker is a `kind`; otherwise as `open_subjects`."""
    from trainers.datasets.load import load_valid
    from trainers.images import default_cache

    ranker = load_ranker(path, device)
    if not isinstance(ranker, kind):
        family = getattr(kind, "family", "other")
        raise InputError(
            f"{path} is a {ranker.family!r} ranker; this analysis looks inside {family} rankers only"
        )
    name, told, own = _own_data(path)
    changes: dict[str, Any] = {"valid_limit": limit} if limit else {}
    changes |= {"path": data, "packs": ()} if data else {}
    changes |= {"packs": tuple(packs)} if packs else {}
    config = own.model_copy(update=changes)
    if config.path is None:
        raise InputError(f"{path} does not say what it was trained on; name a dataset with --data")
    found = load_valid(config, *seen_as(ranker), show_progress)
    cache = Path(config.cache).expanduser() if config.cache else default_cache()
    teacher = Path(config.teacher) if config.teacher else None
    return Subject(name, ranker, found, teacher, cache, config, told)


def _own_data(path: Path) -> tuple[str, dict[str, Any], RankingDataConfig]:
    """A checkpoint's name, configuration and data, as far as they can be known.

    The run that it lies in says where its data are; ``training.json`` travels, and leaves such places out.
    """
    try:
        told = json.loads((path / TRAINING).read_text(encoding="utf-8"))
        config = _of_run(path, str(told["family"])) or dict(told["config"])
        return str(told["name"]), config, RankingDataConfig.model_validate(config["data"])
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return path.resolve().name, {}, RankingDataConfig()


def _of_run(path: Path, family: str) -> dict[str, Any] | None:
    """The configuration of the run whose ``best/`` this is, or None where it lies elsewhere."""
    try:
        found: dict[str, Any] = json.loads((path.resolve().parent / CONFIG).read_text(encoding="utf-8"))
        return found if found["family"] == family and "data" in found else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
