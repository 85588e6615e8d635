"""Labels as they are compared: one emotion however it is written, one emoji however it is encoded."""

from collections.abc import Iterable
from typing import Literal, Protocol, get_args

from retriever.errors import InputError

__all__ = ["LABEL_FIELDS", "LabelField", "label_of", "normal_label", "pick_label_field"]

LabelField = Literal["emotion", "emoji", "intention"]

LABEL_FIELDS: tuple[LabelField, ...] = get_args(LabelField)

_VARIATION_SELECTORS = dict.fromkeys((0xFE0E, 0xFE0F))


class Labelled(Protocol):
    """A sticker or a sample."""

    @property
    def emotion(self) -> str | None: ...
    @property
    def emoji(self) -> str | None: ...
    @property
    def intention(self) -> str | None: ...


def normal_label(label: str | None) -> str | None:
    """Lower case, no space around, no variation selector (❤ is one emoji with and without); "" is None."""
    if label is None:
        return None
    return label.translate(_VARIATION_SELECTORS).strip().lower() or None


def label_of(thing: Labelled, field: LabelField) -> str | None:
    """The label to compare, or None where there is none."""
    value: str | None = getattr(thing, field)
    return normal_label(value)


def pick_label_field(samples: Iterable[Labelled]) -> LabelField | None:
    """The first of emotion, emoji, intention that any of the samples has; None when none has a label."""
    have = {field for sample in samples for field in LABEL_FIELDS if label_of(sample, field)}
    return next((field for field in LABEL_FIELDS if field in have), None)


def check_label_field(field: str) -> LabelField:
    """The field, if it is one.

    Raises:
        InputError: it is not; the message lists them.
    """
    for known in LABEL_FIELDS:
        if field == known:
            return known
    raise InputError(f"label is {field!r}; expected one of {', '.join(LABEL_FIELDS)}")
