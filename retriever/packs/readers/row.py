"""One line of ``stickers.jsonl``, checked where it enters."""

from typing import Annotated, Any

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from retriever.labels import EMOTIONS, INTENTIONS
from retriever.packs.entry import Annotations
from retriever.packs.readers.names import language_of
from retriever.types import Attributes


def _by_language(value: Any) -> Any:
    """A bare string becomes ``{language: string}``."""
    return {language_of(value): value} if isinstance(value, str) and value.strip() else value or {}


def _lists_by_language(value: Any) -> Any:
    """A bare list (or comma-separated string) becomes ``{language: [words]}``, each word by its script."""
    if isinstance(value, str):
        value = [word for word in value.replace("，", ",").replace("、", ",").split(",") if word.strip()]
    if not isinstance(value, list):
        return value or {}
    grouped: dict[str, list[Any]] = {}
    for word in value:
        grouped.setdefault(language_of(word) if isinstance(word, str) else "en", []).append(word)
    return grouped


def _one_line(value: Any) -> Any:
    """Captions given as a list or by language become one line."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        value = " ".join(value)
    return " ".join(value.split()) if isinstance(value, str) else value


ShortText = Annotated[str, Field(max_length=1000)]
Line = Annotated[str, BeforeValidator(_one_line), Field(max_length=10_000)]


class AttributesRow(BaseModel):
    """Int-RA's four attributes as written in a row."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    gesture: Line = ""
    posture: Line = ""
    facial_expression: Line = ""
    verbal: Line = ""

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, value: Any) -> Any:
        return (
            {key: item for key, item in value.items() if item is not None}
            if isinstance(value, dict)
            else value
        )


class StickerRow(BaseModel):
    """A row of the native format; unknown keys are ignored, null means absent, numbers may stand for text."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True, str_strip_whitespace=True)

    image: Annotated[str, Field(min_length=1, max_length=4096)]
    id: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    pack: Annotated[ShortText | None, Field(validation_alias=AliasChoices("pack", "topic"))] = None
    emoji: ShortText | None = None
    emotion: ShortText | None = None
    intention: Annotated[ShortText | None, Field(validation_alias=AliasChoices("intention", "intent"))] = None
    name: Annotated[dict[str, ShortText], BeforeValidator(_by_language)] = {}
    keywords: Annotated[dict[str, list[ShortText]], BeforeValidator(_lists_by_language)] = {}
    tags: list[ShortText] = []
    attributes: AttributesRow = AttributesRow()
    verbal: Annotated[Line, Field(validation_alias=AliasChoices("verbal", "caption", "captions"))] = ""
    description: Line = ""
    license: ShortText | None = None

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, value: Any) -> Any:
        return (
            {key: item for key, item in value.items() if item is not None}
            if isinstance(value, dict)
            else value
        )

    def annotations(self) -> tuple[Annotations, tuple[str, ...]]:
        """What the row says about the sticker, and a notice for each label that is not in its label set.

        Such a label is dropped but the sticker kept: a pack that speaks of "joyful" loses that word, not its
        images.
        """
        notices: list[str] = []
        written = self.attributes
        attributes = Attributes(
            written.gesture, written.posture, written.facial_expression, written.verbal or self.verbal
        )
        annotations = Annotations(
            name={language: text for language, text in self.name.items() if text},
            keywords={language: tuple(filter(None, words)) for language, words in self.keywords.items()},
            emoji=self.emoji or None,
            emotion=_label(self.emotion, EMOTIONS, "emotion", notices),
            intention=_label(self.intention, INTENTIONS, "intention", notices),
            tags=tuple(filter(None, self.tags)),
            attributes=attributes,
            description=self.description,
            license=self.license or None,
        )
        return annotations, tuple(notices)


def parse_row(value: Any) -> StickerRow:
    """Check one parsed JSON value.

    Raises:
        ValueError: one line naming the first field that is wrong, what it holds and what was expected.
    """
    if not isinstance(value, dict):
        raise ValueError(f"it is a {type(value).__name__}; expected an object with at least 'image'")
    try:
        return StickerRow.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "row"
        got = "" if first["type"] == "missing" else f" (got {first['input']!r:.60})"
        raise ValueError(f"field '{field}': {first['msg']}{got}") from error


def _label(value: str | None, allowed: tuple[str, ...], what: str, notices: list[str]) -> str | None:
    label = (value or "").strip().lower()
    if not label or label in allowed:
        return label or None
    notices.append(
        f"{what} {value!r} is not one of the {len(allowed)} labels ({', '.join(allowed[:3])}, ...); left out"
    )
    return None
