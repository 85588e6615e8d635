"""A sticker as text: what encoders and the lexical index read instead of the image."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from retriever.errors import InputError
from retriever.types import Sticker

__all__ = ["DOCUMENT_FIELDS", "LABEL_FIELDS", "document", "field_texts"]

DOCUMENT_FIELDS: tuple[str, ...] = (
    "name", "keywords", "description", "verbal", "gesture", "posture", "facial_expression",
)  # fmt: skip
"""What a document is made of unless told otherwise, in this order."""

LABEL_FIELDS: tuple[str, ...] = ("emoji", "emotion", "intention", "tags")
"""Fields that evaluation judges relevance by; never part of a document unless asked for by name."""

_T = TypeVar("_T")

_PREFIX = {
    "verbal": "says: ",
    "gesture": "gesture: ",
    "posture": "posture: ",
    "facial_expression": "facial expression: ",
    "emotion": "emotion: ",
    "intention": "intention: ",
    "tags": "tags: ",
}

_ENDINGS = (".", "!", "?", "。", "！", "？", "…")


def document(sticker: Sticker, fields: Sequence[str] = DOCUMENT_FIELDS, languages: Sequence[str] = ()) -> str:
    """The readable text of a sticker: ``name. keyword, keyword. description. says: ...``

    The same sticker, fields and languages give the same text in every process and on every machine; its
    hash may key a cache of vectors. A sticker of which nothing is known gives ``""``.

    Labels (`LABEL_FIELDS`) are left out by default: evaluation judges a pick by its label, so a document that
    carries the label would measure the leak and not the retrieval. Ask for them by name where that is meant.

    Args:
        sticker: whose text.
        fields: which fields, in this order; of `DOCUMENT_FIELDS` and `LABEL_FIELDS`.
        languages: language codes to take names and keywords in, in this order. A field without any of them
            falls back to all the languages it has. Empty means all, in alphabetical order.

    Raises:
        InputError: a field that does not exist.
    """
    sentences = []
    for name, texts in field_texts(sticker, fields, languages):
        sentence = _PREFIX.get(name, "") + ", ".join(texts)
        sentences.append(sentence if sentence.endswith(_ENDINGS) else sentence + ".")
    return " ".join(sentences)


def field_texts(
    sticker: Sticker, fields: Sequence[str] = DOCUMENT_FIELDS, languages: Sequence[str] = ()
) -> list[tuple[str, tuple[str, ...]]]:
    """The texts behind `document`, field by field, without the connecting words; empty ones are left out.

    Whitespace is folded to single spaces and repeated texts of one field are given once.

    Raises:
        InputError: a field that does not exist.
    """
    found = []
    for name in fields:
        reader = _READERS.get(name)
        if reader is None:
            raise InputError(f"no sticker field {name!r}; there are {', '.join(_READERS)}")
        folded = (" ".join(text.split()) for text in reader(sticker, languages))
        texts = tuple(dict.fromkeys(text for text in folded if text))
        if texts:
            found.append((name, texts))
    return found


def _in_languages(by_language: Mapping[str, _T], languages: Sequence[str]) -> list[_T]:
    chosen = [by_language[code] for code in languages if by_language.get(code)]
    return chosen or [by_language[code] for code in sorted(by_language)]


def _names(sticker: Sticker, languages: Sequence[str]) -> Sequence[str]:
    return _in_languages(sticker.name, languages)


def _keywords(sticker: Sticker, languages: Sequence[str]) -> Sequence[str]:
    return [word for words in _in_languages(sticker.keywords, languages) for word in words]


_READERS: dict[str, Callable[[Sticker, Sequence[str]], Sequence[str]]] = {
    "name": _names,
    "keywords": _keywords,
    "description": lambda sticker, _: (sticker.description,),
    "verbal": lambda sticker, _: (sticker.attributes.verbal,),
    "gesture": lambda sticker, _: (sticker.attributes.gesture,),
    "posture": lambda sticker, _: (sticker.attributes.posture,),
    "facial_expression": lambda sticker, _: (sticker.attributes.facial_expression,),
    "emoji": lambda sticker, _: (sticker.emoji or "",),
    "emotion": lambda sticker, _: (sticker.emotion or "",),
    "intention": lambda sticker, _: (sticker.intention or "",),
    "tags": lambda sticker, _: sticker.tags,
}
