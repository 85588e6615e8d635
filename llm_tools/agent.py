"""A chat that decides whether, and which, sticker to send.

::

    with open_chat(StickerRetriever.open("sticker-library"), "http://localhost:8000/v1") as chat:
        turn = chat.say("I passed the exam!")
        print(turn.say, turn.sticker)

For an agent of your own there are the tools (`llm_tools.tools.sticker_tools`) and LangChain's agent with them
(`llm_tools.chat.by_tools.build_agent`).
"""

import logging
from typing import Any, Literal, Self

from llm_tools.backends.http import HTTPBackend
from llm_tools.backends.retry import RetryPolicy
from llm_tools.chat.by_json import JsonEngine
from llm_tools.chat.turn import Engine, ToolsUnsupported, Turn
from llm_tools.presets import Chosen, choose_model, offered_models
from retriever.chain import StickerRetriever
from retriever.errors import InputError
from retriever.extras import install_line, missing_modules

__all__ = ["EngineChoice", "StickerChat", "open_chat"]

logger = logging.getLogger(__name__)

EngineChoice = Literal["auto", "tools", "json"]
_CHOICES = ("auto", "tools", "json")


def open_chat(
    retriever: StickerRetriever,
    base_url: str,
    model: str | None = None,
    *,
    engine: EngineChoice = "auto",
    api_key: str | None = None,
    language: str = "en",
    temperature: float = 0.0,
    history: int = 20,
) -> "StickerChat":
    """A chat over a model that a server offers.

    Args:
        retriever: picks stickers.
        base_url: of an OpenAI-compatible server.
        model: a model id, the short name of a preset, or None for the first that the server lists.
        engine: ``tools`` is LangChain's agent (extra ``agents``; the server has to parse tool calls);
            ``json`` needs neither; ``auto`` begins with tools and goes on without where the server does not
            take them, or begins without where the extra is not installed.
        language: of the prompts, ``en`` or ``zh``; the model answers in the person's.
        history: turns that the model is reminded of.

    Raises:
        ModelError: the server does not answer or does not offer the model; names what it offers.
        MissingExtra: the extra is not installed, and `engine` is ``tools``.
        InputError: no such engine or language.
    """
    if engine not in _CHOICES:
        raise InputError(f"engine is {engine!r}; expected one of {', '.join(_CHOICES)}")
    chosen = choose_model(model, offered_models(base_url, api_key=api_key))
    settings: dict[str, Any] = {
        "language": language,
        "temperature": temperature,
        "history": history,
        "extra": chosen.extra,
    }

    def by_json() -> Engine:
        retry = RetryPolicy(attempts=3, first_wait=0.25, longest_wait=5.0)
        backend = HTTPBackend(base_url, chosen.id, api_key=api_key, timeout=120.0, retry=retry)
        return JsonEngine(retriever, backend, **settings)

    absent = missing_modules("agents") if engine == "auto" else []
    if absent:
        logger.warning(
            "no tools without %s: %s; going on with JSON answers", absent[0], install_line("agents")
        )
    if engine == "json" or absent:
        return StickerChat(by_json(), chosen)
    from llm_tools.chat.by_tools import ToolEngine

    first = ToolEngine(retriever, base_url, chosen.id, api_key=api_key, **settings)
    return StickerChat(first, chosen, by_json if engine == "auto" else None)


class StickerChat:
    """One chat with one person; remembers what was said.

    Args:
        engine: how answers come about.
        chosen: the model.
        instead: makes the engine to go on with where the first one's tools are not taken; None raises.

    Attributes:
        model: the model's id.
        turns: what was said so far, oldest first.
    """

    def __init__(self, engine: Engine, chosen: Chosen, instead: Any = None) -> None:
        self.model = chosen.id
        self.turns: list[Turn] = []
        self._engine = engine
        self._instead = instead

    def say(self, text: str) -> Turn:
        """The answer to `text`, and the sticker that goes with it, if any.

        Raises:
            InputError: no words.
            ModelError: the model does not answer; what was said so far stays.
        """
        if not text.strip():
            raise InputError("there are no words to answer; say something")
        try:
            turn = self._engine.respond(self.turns, text)
        except ToolsUnsupported as error:
            if self._instead is None:
                raise
            logger.warning("%s; going on with JSON answers", error)
            self._engine.close()
            self._engine, self._instead = self._instead(), None
            turn = self._engine.respond(self.turns, text)
        self.turns.append(turn)
        return turn

    def close(self) -> None:
        """Close the connections."""
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
