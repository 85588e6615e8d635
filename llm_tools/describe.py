"""Stickers to attributes, a description, an emotion and an intention (Int-RA section IV-B)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from llm_tools.answers import AttributeAnswer, StickerAnswer, unless_none
from llm_tools.ask_options import AskOptions
from llm_tools.backends.base import Backend, Message
from llm_tools.batch import answered_rows, run_batch_async, run_closing
from llm_tools.images import MAX_PIXELS, PictureCache, pictures
from llm_tools.prompts import Prompt
from llm_tools.summary import Summary
from llm_tools.task import Item, Task, result_key
from retriever.errors import InputError
from retriever.packs.entry import PackEntry
from retriever.types import Sticker

__all__ = [
    "ATTRIBUTES",
    "DescribeOptions",
    "Source",
    "describe",
    "describe_async",
    "describe_items",
    "describe_job",
    "described_rows",
    "sources",
]

ATTRIBUTES = ("gesture", "posture", "facial_expression", "verbal")


@dataclass(frozen=True, kw_only=True)
class DescribeOptions(AskOptions):
    """How stickers are described.

    Attributes:
        per_attribute: the paper's four turns (head, image, one question each) in place of one call for all;
            gives the four attributes only.
        frames: of an animated sticker.
        max_pixels: of one picture.
    """

    job = "describe"

    per_attribute: bool = False
    frames: int = 4
    max_pixels: int = MAX_PIXELS

    def load_prompt(self) -> Prompt:
        """The prompt to use.

        Raises:
            InputError: it does not exist, or lacks a question that is needed.
        """
        prompt = super().load_prompt()
        missing = [name for name in ATTRIBUTES if name not in prompt.questions]
        if self.per_attribute and missing:
            raise InputError(f"prompt {prompt.label} has no question for: {', '.join(missing)}")
        return prompt

    def task(self, prompt: Prompt) -> Task:
        """What the runner is told."""
        answer = AttributeAnswer if self.per_attribute else StickerAnswer
        return self._task(answer, prompt, frames=self.frames, max_pixels=self.max_pixels)


@dataclass(frozen=True, slots=True)
class Source:
    """A sticker to describe: its id, what identifies its image, and where the bytes are."""

    id: str
    sha256: str
    sticker: Sticker | PackEntry

    def read(self) -> bytes:
        """The image's bytes.

        Raises:
            OSError, BadImage: they cannot be read.
        """
        return (
            self.sticker.read()
            if isinstance(self.sticker, PackEntry)
            else Path(self.sticker.path).read_bytes()
        )


def sources(stickers: Iterable[Sticker | PackEntry]) -> Iterator[Source]:
    """`stickers` as sources; the entries of a pack are read to be identified, indexed stickers are not."""
    for sticker in stickers:
        if isinstance(sticker, PackEntry):
            yield Source(sticker.id, sha256(sticker.read()).hexdigest(), sticker)
        else:
            yield Source(sticker.id, sticker.sha256, sticker)


def describe_items(
    stickers: Sequence[Source], task: Task, prompt: Prompt, model: str, options: DescribeOptions
) -> Iterator[Item]:
    """The calls to make: one a sticker, or four in a row so that a server can share their image."""
    cache = PictureCache()
    questions = prompt.questions if options.per_attribute else {"": prompt.question}
    for source in stickers:
        for part in ATTRIBUTES if options.per_attribute else ("",):
            facts: dict[str, Any] = {"sha256": source.sha256, "engine": "llm"}
            if part:
                facts["attribute"] = part
            yield Item(
                source.id,
                result_key(source.sha256, model, task, part),
                _Prompt(source, prompt.system, questions[part], options, cache),
                facts,
            )


@dataclass(frozen=True, slots=True)
class _Prompt:
    """Makes the messages of one call: head, image, then the question, so that prefixes are shared."""

    source: Source
    system: str
    question: str
    options: DescribeOptions
    cache: PictureCache

    def __call__(self) -> tuple[Message, ...]:
        options = self.options
        images = self.cache.get(
            self.source.sha256,
            lambda: pictures(self.source.read(), frames=options.frames, max_pixels=options.max_pixels),
        )
        return (Message("system", (self.system,)), Message("user", (*images, self.question)))


def describe_job(
    stickers: Sequence[Source], model: str, options: DescribeOptions, prompt: Prompt | None = None
) -> tuple[Task, list[Item]]:
    """What `describe` asks `model`: the task and its calls, made from the prompt that `options` name."""
    prompt = prompt or options.load_prompt()
    task = options.task(prompt)
    return task, list(describe_items(stickers, task, prompt, model, options))


async def describe_async(
    stickers: Iterable[Sticker | PackEntry],
    backend: Backend,
    journal: Path,
    options: DescribeOptions | None = None,
    **run: Any,
) -> tuple[list[dict[str, Any]], Summary]:
    """Describe every sticker that the journal has no answer for.

    Args:
        stickers: of a library or a pack.
        backend: is checked before the first call.
        journal: where answers are kept; see `run_batch_async`.
        run: further arguments of `run_batch_async` (budget, concurrency, retry_failed, ...).

    Returns:
        rows: one for every sticker that is described, old or new, in the order given: ``id``, ``sha256``,
            ``engine``, ``model``, ``prompt`` (hash), ``options``, ``time``, ``usage``, ``attributes``; unless
            `per_attribute`, ``description``, ``emotion``, ``intention``. Attributes that the model calls none
            are empty.
        summary: what was done; its `items` are calls, four a sticker with `per_attribute`.

    Raises:
        ModelError: the backend cannot answer.
        InputError: the prompt does not exist.
    """
    options = options or DescribeOptions()
    prompt = options.load_prompt()  # a prompt that does not exist is told before the model is loaded
    await backend.check()
    known = list(sources(stickers))
    task, items = describe_job(known, backend.model, options, prompt)
    summary = await run_batch_async(items, task, backend, journal, **run)
    return described_rows(known, items, answered_rows(journal), options.per_attribute), summary


def describe(
    stickers: Iterable[Sticker | PackEntry],
    backend: Backend,
    journal: Path,
    options: DescribeOptions | None = None,
    **run: Any,
) -> tuple[list[dict[str, Any]], Summary]:
    """`describe_async` for callers without an event loop; closes the backend."""

    return run_closing(backend, describe_async(stickers, backend, journal, options, **run))


def described_rows(
    known: Sequence[Source],
    items: Sequence[Item],
    answers: Mapping[str, Mapping[str, Any]],
    per_attribute: bool,
) -> list[dict[str, Any]]:
    """The described stickers; one of which an attribute is missing is not described yet."""
    calls = len(ATTRIBUTES) if per_attribute else 1
    rows = []
    for number, source in enumerate(known):
        found = [answers.get(item.key) for item in items[calls * number : calls * (number + 1)]]
        if all(found):
            rows.append(_folded(source, [answer for answer in found if answer is not None]))
    return rows


def _folded(source: Source, answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One row from one joint answer, or from four."""
    last = max(answers, key=lambda answer: str(answer["time"]))
    row: dict[str, Any] = {"id": source.id, "sha256": source.sha256, "engine": "llm"}
    row |= {name: last[name] for name in ("model", "prompt", "options", "time")}
    row["usage"] = {
        name: sum(answer["usage"][name] for answer in answers)
        for name in ("calls", "prompt_tokens", "completion_tokens")
    }
    if "attribute" in answers[0]:
        said = {answer["attribute"]: answer["answer"]["keywords"] for answer in answers}
        return row | {"attributes": {name: unless_none(said[name]) for name in ATTRIBUTES}}
    said = dict(answers[0]["answer"])
    row["attributes"] = {name: unless_none(said.pop(name)) for name in ATTRIBUTES}
    return row | said
