"""The nouns of the project as frozen value types; every other module speaks in these."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from retriever.errors import ConversationError
from retriever.labels import Mode

__all__ = ["Attributes", "Conversation", "Inferences", "Pick", "Sticker", "Utterance"]


@dataclass(frozen=True, slots=True)
class Attributes:
    """Int-RA's four attributes of a sticker (section IV-B); empty means not described."""

    gesture: str = ""
    posture: str = ""
    facial_expression: str = ""
    verbal: str = ""


@dataclass(frozen=True, slots=True)
class Inferences:
    """The five COMET/ATOMIC relations inferred for a conversation (Int-RA section IV-A)."""

    xIntent: tuple[str, ...] = ()
    xNeed: tuple[str, ...] = ()
    xWant: tuple[str, ...] = ()
    xReact: tuple[str, ...] = ()
    xEffect: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sticker:
    """One image, still or animated.

    Attributes:
        id: unique in a library; ``pack/name`` by convention.
        pack: the set it belongs to (the papers' *topic*).
        sha256: hex SHA-256 of the image's bytes: the sticker's identity.
        path: where the image lies, absolute.
        kind: what the bytes are: png, apng, jpeg, webp, gif, tgs or webm.
        width, height: pixels.
        n_frames: 1 for a still image.
        name, keywords: by language code (``en``, ``zh``).
        emotion: one of `labels.EMOTIONS`, or None when unknown.
        intention: one of `labels.INTENTIONS`, or None when unknown.
        description: one line for people and for retrieval.
    """

    id: str
    pack: str
    sha256: str
    path: str
    kind: str = "png"
    width: int = 0
    height: int = 0
    n_frames: int = 1
    name: Mapping[str, str] = field(default_factory=dict)
    keywords: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    emoji: str | None = None
    emotion: str | None = None
    intention: str | None = None
    tags: tuple[str, ...] = ()
    attributes: Attributes = field(default_factory=Attributes)
    description: str = ""
    license: str | None = None

    @property
    def label(self) -> str:
        """A short name for tables: the English name, else any name, else the id."""
        return self.name.get("en") or next(iter(self.name.values()), self.id)


@dataclass(frozen=True, slots=True)
class Utterance:
    """One message and who said it."""

    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said, oldest first, and who is about to send a sticker.

    Attributes:
        inferences: what a language model or COMET read out of it; scorers that can, use them.

    Raises:
        ConversationError: no utterance, none with any text, or one with text that UTF-8 cannot hold.
    """

    utterances: tuple[Utterance, ...]
    mode: Mode = "reply"
    reply_speaker: str | None = None
    id: str = ""
    inferences: Inferences | None = None

    def __post_init__(self) -> None:
        if self.mode not in ("reply", "supplement"):
            raise ConversationError(f"mode is {self.mode!r}; expected 'reply' or 'supplement'")
        if not any(utterance.text.strip() for utterance in self.utterances):
            raise ConversationError("the conversation has no text; give at least one message with words")
        for position, utterance in enumerate(self.utterances):
            try:
                f"{utterance.speaker}{utterance.text}".encode()
            except UnicodeEncodeError:
                raise ConversationError(
                    f"utterances.{position} holds half a surrogate pair, or bytes that are no UTF-8; cut the "
                    "text at whole characters"
                ) from None

    @classmethod
    def from_texts(cls, *texts: str, mode: Mode = "reply") -> "Conversation":
        """A conversation of two speakers, A and B, taking turns; A begins."""
        speakers = ("A", "B")
        utterances = tuple(Utterance(speakers[i % 2], text) for i, text in enumerate(texts))
        last = (len(texts) - 1) % 2
        sender = speakers[last] if mode == "supplement" else speakers[1 - last]
        return cls(utterances, mode=mode, reply_speaker=sender)


@dataclass(frozen=True, slots=True)
class Pick:
    """A sticker that was chosen.

    Attributes:
        rank: 1 is the best.
        score: the fused score; comparable within one answer only.
        scores: what each scorer said, by scorer name, on the scorer's own scale.
        parts: what each scorer added to `score`, by scorer name: they add up to it. Empty where the fusion is
            no sum over scorers.
    """

    sticker: Sticker
    rank: int
    score: float
    scores: Mapping[str, float]
    parts: Mapping[str, float] = field(default_factory=dict)
