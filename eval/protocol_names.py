"""Protocols by name: ``c10`` the candidates, ``all`` the library by sticker and by label, and the others."""

from collections.abc import Callable, Mapping, Sequence

from eval.labels import LABEL_FIELDS, LabelField
from eval.protocols import Candidates, EvalProtocol, Exact, ExactByWords, Intent, Library, LibrarySticker
from retriever.errors import InputError

__all__ = ["DEFAULT", "PROTOCOLS", "make_protocols"]

Maker = Callable[[Sequence[LibrarySticker], LabelField], EvalProtocol]

_MAKERS: dict[str, Maker] = {
    "candidates": lambda stickers, _: Candidates(stickers),
    "exact": lambda stickers, _: Exact(stickers),
    "library": Library,
    "intent": Intent,
    "exact-words": lambda stickers, _: ExactByWords(stickers, words=True),
    "exact-no-words": lambda stickers, _: ExactByWords(stickers, words=False),
}

PROTOCOLS: Mapping[str, tuple[str, ...]] = {
    "c10": ("candidates",),
    "all": ("exact", "library"),
    "words": ("exact-words", "exact-no-words"),
    **{name: (name,) for name in _MAKERS},
}
"""What may be asked for, and which protocols that is."""

DEFAULT = ("c10", "all")


def make_protocols(
    stickers: Sequence[LibrarySticker], field: LabelField | None, names: Sequence[str] = DEFAULT
) -> list[EvalProtocol]:
    """Protocols by name, each once, in the order named.

    Args:
        stickers: the library, in row order.
        field: the label that decides relevance; None (the dataset has none) lets the protocols that need one
            skip every query.
        names: keys of `PROTOCOLS`.

    Raises:
        InputError: an unknown name; lists those there are. Or none at all.
    """
    unknown = [name for name in names if name not in PROTOCOLS]
    if unknown or not names:
        got = repr(unknown[0]) if unknown else "none"
        raise InputError(f"protocol is {got}; expected one or more of {', '.join(PROTOCOLS)}")
    wanted = dict.fromkeys(protocol for name in names for protocol in PROTOCOLS[name])
    return [_MAKERS[name](stickers, field or LABEL_FIELDS[0]) for name in wanted]
