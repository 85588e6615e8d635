"""What a model is to this project: something that turns requests into replies, in the order given."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Role = Literal["system", "user", "assistant"]
FailureKind = Literal["", "transport", "refused"]


@dataclass(frozen=True, slots=True)
class Picture:
    """One image as it is sent.

    Attributes:
        data: the encoded bytes (JPEG, PNG or WebP), already as small as they should be.
        mime: ``image/jpeg`` and so on.
        tokens: how many tokens the image is expected to take; used for estimates only.
    """

    data: bytes
    mime: str = "image/png"
    tokens: int = 0

    def data_url(self) -> str:
        """The image as a ``data:`` URL."""
        return f"data:{self.mime};base64,{b64encode(self.data).decode('ascii')}"


Part = str | Picture


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of the prompt; its parts in reading order."""

    role: Role
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One call.

    Attributes:
        messages: the prompt.
        max_tokens: the most tokens the answer may have.
        temperature: 0 is greedy.
        seed: sampling seed; None leaves it to the server.
        schema: a JSON schema the answer is forced into (guided decoding); None leaves the model free.
        logprobs: how many alternatives per token to return with their log probabilities (at most 20 on most
            servers); None asks for none.
        key: an id for messages and batch files; never sent to the model.
        extra: further fields of the server's request body (``top_p``, ``chat_template_kwargs``, ...).
    """

    messages: tuple[Message, ...]
    max_tokens: int = 256
    temperature: float = 0.0
    seed: int | None = 0
    schema: Mapping[str, Any] | None = None
    logprobs: int | None = None
    key: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one request.

    Attributes:
        text: the answer; empty when `error` says why there is none.
        finish_reason: ``stop``, ``length`` or the server's own word.
        prompt_tokens, completion_tokens: as the server counted them; 0 when it did not say.
        logprobs: per answer token, its alternatives and natural log probabilities, when asked for.
        error: one line that says why there is no answer, or None.
        failure: ``transport`` (nothing wrong with the request: try later), ``refused`` (the server will never
            accept this request), or empty.
        guided: the answer was forced into the schema.
    """

    text: str = ""
    finish_reason: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    logprobs: tuple[Mapping[str, float], ...] | None = None
    error: str | None = None
    failure: FailureKind = ""
    guided: bool = False


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend can do.

    Attributes:
        guided: it can force an answer into a JSON schema.
        images: it takes pictures.
        logprobs: it returns log probabilities.
    """

    guided: bool = True
    images: bool = True
    logprobs: bool = True


class Backend(Protocol):
    """A model behind one method.

    `complete` may be called by many tasks of one event loop at once; a backend that batches does so inside. A
    request that fails gives a `Reply` with `error`; only what makes every further call pointless is raised.
    """

    @property
    def model(self) -> str:
        """The model id that is recorded with every result."""
        ...

    @property
    def capabilities(self) -> Capabilities: ...

    async def check(self) -> None:
        """Make sure that calls can succeed.

        Raises:
            ModelError: they cannot; the message says what to do about it.
        """
        ...

    async def complete(self, requests: Sequence[Request]) -> list[Reply]:
        """The reply of every request, in order.

        Raises:
            ModelError: the model is gone for good.
        """
        ...

    async def aclose(self) -> None:
        """Free connections or engines; the backend may not be used afterwards."""
        ...


def chat_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """`messages` in the OpenAI chat format; text-only turns are plain strings, which every server accepts."""
    return [{"role": message.role, "content": _content(message.parts)} for message in messages]


def _content(parts: Sequence[Part]) -> str | list[dict[str, Any]]:
    if all(isinstance(part, str) for part in parts):
        return "\n".join(str(part) for part in parts)
    return [
        {"type": "text", "text": part}
        if isinstance(part, str)
        else {"type": "image_url", "image_url": {"url": part.data_url()}}
        for part in parts
    ]
