"""Int-RA's LLM baselines (section V-B): the model writes the sticker it would want, the nearest one is sent.

As a system for an evaluation::

    baseline = LlmBaseline.at(url, "qwen3-vl", encoder, retriever.stickers, Path("runs/wanted.jsonl"))
    baseline.prepare(conversations)
    evaluate(dataset, retriever.stickers, baseline)
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import numpy as np

from llm_tools.backends.base import Backend, Message
from llm_tools.backends.http import HTTPBackend
from llm_tools.batch import Summary, answered_rows, failures_path, run_batch_async
from llm_tools.blocking import run_blocking
from llm_tools.data_block import conversation_block
from llm_tools.journal import Journal
from llm_tools.presets import choose_model, offered_models
from llm_tools.prompts import load_prompt
from llm_tools.task import Item, Policy, Task, result_key
from llm_tools.wanted import WANTED_FIELDS, Shot, WantedSticker, messages, shots_hash, wanted_text
from retriever.documents import document
from retriever.encoders.base import Encoder, Vectors
from retriever.errors import InputError, ModelError
from retriever.scorers.base import Scores
from retriever.types import Conversation, Sticker

__all__ = ["LlmBaseline"]

logger = logging.getLogger(__name__)


class LlmBaseline:
    """One LLM as a retrieval system: conversation -> {name: scores of all stickers}.

    The model describes the sticker it would want in the words that stickers are described in (gesture,
    posture, facial expression, words, one sentence); description and stickers' documents are embedded by
    one encoder; the score is their cosine. The paper names an embedder that we do not know to exist
    (``text-embedding-ada-003``) and no prompts, shots or sizes: ours are in the prompt file and arguments.

    Every description is kept in a journal: it is asked for once, a run that was killed goes on from there,
    and baselines that differ only in how they match (`with_intention`, `encoder`) share it.

    Args:
        backend: the model; connected to on first use.
        encoder: embeds both sides. One whose stickers are images uses its text side for both here.
        stickers: the library, in the row order of the scores.
        journal: a JSONL file.
        name: of the system; None means ``llm:MODEL``, with ``+intention`` where that is on.
        with_intention: put the sticker's intention into its document, as the paper does. **This is a
            leak**: the paper calls a sticker right when its intention is the wanted one, so the document
            carries the label that it is judged by. Off unless the paper's number is what is to be repeated.
        shots: examples from a train split (`llm_tools.wanted.read_shots`).
        language: of the prompt, ``en`` or ``zh``.
        history: how many of the last messages are shown; Int-RA found 6 best.
        policy, max_tokens, temperature, seed, max_tries, extra: as in `llm_tools.task.Task`.
        prompt: a prompt file of your own.

    Attributes:
        unanswered: conversation id -> why the model wrote nothing usable. Such a conversation scores 0 for
            every sticker, which an evaluation counts as a tie, that is, as chance.
    """

    def __init__(
        self,
        backend: Backend,
        encoder: Encoder,
        stickers: Sequence[Sticker],
        journal: str | Path,
        *,
        name: str | None = None,
        with_intention: bool = False,
        shots: Sequence[Shot] = (),
        language: str = "en",
        history: int = 6,
        policy: Policy = "free-then-guided",
        max_tokens: int = 256,
        temperature: float = 0.0,
        seed: int = 0,
        max_tries: int = 3,
        extra: Mapping[str, Any] | None = None,
        prompt: Path | None = None,
    ) -> None:
        if not stickers:
            raise InputError("there are no stickers to match with; index a pack first")
        self.backend = backend
        self.encoder = encoder
        self.stickers = stickers
        self.journal = Path(journal)
        self.with_intention = with_intention
        self.shots = tuple(shots)
        self.history = history
        self.unanswered: dict[str, str] = {}
        self._name = name
        self._prompt = load_prompt(prompt or "wanted", language)
        self._task = Task(
            "wanted",
            WantedSticker,
            self._prompt.hash,
            reask=self._prompt.reask,
            max_tokens=max_tokens,
            temperature=temperature,
            seed=seed,
            policy=policy,
            max_tries=max_tries,
            options={"history": history, "shots": shots_hash(self.shots)},
            extra=dict(extra or {}),
        )
        self._answers: dict[str, Mapping[str, Any]] | None = None
        self._checked = False

    @classmethod
    def at(
        cls,
        base_url: str,
        model: str | None,
        encoder: Encoder,
        stickers: Sequence[Sticker],
        journal: str | Path,
        *,
        api_key: str | None = None,
        **settings: Any,
    ) -> Self:
        """A baseline over a model that a server offers.

        Args:
            model: a model id at the server, the name of a preset (`llm_tools.presets`), or None for the first
                model that the server lists. A preset's own request fields come along.

        Raises:
            ModelError: the server does not answer, or offers no such model; names what it offers.
        """
        chosen = choose_model(model, offered_models(base_url, api_key=api_key))
        settings["extra"] = {**chosen.extra, **(settings.get("extra") or {})}
        return cls(HTTPBackend(base_url, chosen.id, api_key=api_key), encoder, stickers, journal, **settings)

    @property
    def name(self) -> str:
        """The system's name in results.

        Raises:
            ModelError: it depends on the model, and none is known yet.
        """
        return self._name or f"llm:{self.backend.model}" + ("+intention" if self.with_intention else "")

    def prepare(self, conversations: Iterable[Conversation], **run: Any) -> Summary:
        """Let the model write about all conversations, many at once; what the journal has is not asked again.

        Args:
            run: of `run_batch_async`: ``concurrency``, ``budget``, ``retry_failed``, ``show_progress``.

        Raises:
            ModelError: the model cannot answer at all.
            LibraryLocked: another process writes the journal.
        """
        return run_blocking(self._prepare(list(conversations), **run))

    def wanted(self, conversation: Conversation) -> str:
        """The description of the sticker that the model would send; empty where it wrote nothing usable.

        Raises:
            ModelError: the model does not answer.
        """
        if self._answers is None or self._key(conversation) not in self._answers:
            summary = self.prepare([conversation], show_progress=False)
            if summary.failed["transport"] or summary.not_asked:
                raise ModelError(
                    f"{self.backend.model} does not answer ({summary.stopped or self._why(conversation)}); "
                    "what is written so far is kept, so run the same again"
                )
        answer = (self._answers or {}).get(self._key(conversation))
        return wanted_text(answer) if answer is not None else ""

    def embed_stickers(self) -> None:
        """Do the sticker side now rather than at the first question."""
        _ = self._documents

    def __call__(self, conversation: Conversation) -> dict[str, Scores]:
        """Cosines of the wanted sticker and all stickers, (n_stickers,), under the system's name.

        Raises:
            ModelError: the model does not answer.
        """
        text = self.wanted(conversation)
        if not text:
            self._note_unanswered(conversation)
            return {self.name: np.zeros(len(self.stickers))}
        query = self.encoder.encode_queries([text])[0]  # (d,)
        return {self.name: np.asarray(self._documents @ query, dtype=np.float64)}

    def close(self) -> None:
        """Close the connections."""
        run_blocking(self.backend.aclose())

    @cached_property
    def _documents(self) -> Vectors:
        """One vector a sticker, (n_stickers, d)."""
        fields = (*WANTED_FIELDS, "intention") if self.with_intention else WANTED_FIELDS
        texts = [document(sticker, fields) for sticker in self.stickers]
        as_documents = self.encoder.spec.sticker_side == "document"
        return self.encoder.encode_documents(texts) if as_documents else self.encoder.encode_queries(texts)

    def _key(self, conversation: Conversation) -> str:
        shown = conversation_block(conversation, self.history)
        about = sha256(shown.encode("utf-8", "backslashreplace")).hexdigest()
        return result_key(about, self.backend.model, self._task)

    async def _prepare(self, conversations: Sequence[Conversation], **run: Any) -> Summary:
        if not self._checked:
            await self.backend.check()
            self._checked = True
        items = [self._item(conversation) for conversation in conversations]
        summary = await run_batch_async(items, self._task, self.backend, self.journal, **run)
        self._answers = {key: row["answer"] for key, row in answered_rows(self.journal).items()}
        return summary

    def _item(self, conversation: Conversation) -> Item:
        def prompt() -> tuple[Message, ...]:
            return messages(conversation, self._prompt, self.shots, self.history)

        key = self._key(conversation)
        return Item(conversation.id or key[:8], key, prompt)

    def _why(self, conversation: Conversation) -> str:
        """What the failures file says about a conversation, last."""
        key = self._key(conversation)
        rows = [row for row in Journal(failures_path(self.journal)).rows() if row["key"] == key]
        return f"{rows[-1]['reason']}: {rows[-1]['message']}" if rows else "it describes nothing"

    def _note_unanswered(self, conversation: Conversation) -> None:
        name = conversation.id or self._key(conversation)[:8]
        if name not in self.unanswered:
            self.unanswered[name] = self._why(conversation)
            logger.warning("%s wrote nothing usable for %s: %s", self.name, name, self.unanswered[name])
