"""Chat by tool calls: LangChain's agent with the sticker tools and one that sends.

Needs ``pip install 'sticker-retriever[agents]'``, and a server that parses tool calls (vLLM:
``--enable-auto-tool-choice --tool-call-parser ...``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from llm_tools.chat.turn import ToolsUnsupported, Turn
from llm_tools.data_block import plain, quoted
from llm_tools.prompts import load_prompt
from llm_tools.tools import sticker_tools
from retriever.chain import StickerRetriever
from retriever.errors import ModelError
from retriever.extras import require
from retriever.types import Pick, Sticker

require("langchain", "agents", "Chatting by tool calls")
require("langchain_openai", "agents", "Chatting by tool calls")

import openai  # noqa: E402
from langchain.agents import create_agent  # noqa: E402
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage  # noqa: E402
from langchain_core.tools import BaseTool, tool  # noqa: E402
from langchain_openai import ChatOpenAI  # noqa: E402
from langgraph.errors import GraphRecursionError  # noqa: E402

__all__ = ["ToolEngine", "build_agent", "send_tool"]

_REFUSALS = (400, 404, 422, 500, 501)
"""How servers say that they do not take tools."""


def send_tool(retriever: StickerRetriever) -> BaseTool:
    """The tool ``send_sticker``: its artifact is the `Sticker` that goes out, or None."""

    @tool(response_format="content_and_artifact")
    def send_sticker(sticker_id: str) -> tuple[str, Sticker | None]:
        """Send the sticker with this id together with your answer."""
        row = retriever.library.stickers.row_of(sticker_id)
        if row is None:
            return (
                f"Nothing was sent: there is no sticker {quoted(sticker_id, 80)}; search for one first.",
                None,
            )
        return "It goes out with your answer. Now answer the person.", retriever.stickers[int(row)]

    send_sticker.handle_validation_error = "Nothing was sent: give the sticker's id."
    return send_sticker


def build_agent(model: Any, retriever: StickerRetriever, language: str = "en") -> Any:
    """A LangChain agent that chats and may send a sticker; a compiled graph, ready to invoke.

    Args:
        model: a LangChain chat model that calls tools.
        language: of the system prompt, ``en`` or ``zh``.
    """
    prompt = load_prompt("chat", language)
    tools = [*sticker_tools(retriever), send_tool(retriever)]
    return create_agent(model, tools, system_prompt=f"{prompt.system}\n{prompt.questions['tools'].strip()}")


class ToolEngine:
    """Answers by LangChain's agent over an OpenAI-compatible server.

    Args:
        retriever: behind the tools.
        base_url, model, api_key: of the server.
        language: of the prompt, ``en`` or ``zh``.
        temperature: of the answers.
        history: turns that the model is reminded of.
        timeout: seconds of one call.
        max_steps: calls of the model in one turn.
        extra: further fields of the request body.
    """

    def __init__(
        self,
        retriever: StickerRetriever,
        base_url: str,
        model: str,
        *,
        api_key: str | None = None,
        language: str = "en",
        temperature: float = 0.0,
        history: int = 20,
        timeout: float = 120.0,
        max_steps: int = 6,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        root = base_url.rstrip("/")
        self._base_url = root if root.endswith("/v1") else f"{root}/v1"
        chat_model = ChatOpenAI(
            base_url=self._base_url,
            model=model,
            api_key=api_key or "none",  # type: ignore[arg-type]  # pydantic makes it a secret
            temperature=temperature,
            timeout=timeout,
            max_retries=2,
            max_tokens=512,  # type: ignore[call-arg]  # an alias
            extra_body=dict(extra or {}) or None,
        )
        self._agent = build_agent(chat_model, retriever, language)
        self._history = history
        self._limit = 2 * max_steps + 1

    def respond(self, past: Sequence[Turn], text: str) -> Turn:
        """As many calls as the model needs, up to `max_steps`; see `Engine.respond`."""
        before = [message for turn in past[-self._history :] for message in _as_messages(turn)]
        asked = [*before, HumanMessage(plain(text))]
        messages: list[AnyMessage] = list(asked)
        note = ""
        try:
            steps = self._agent.stream(
                {"messages": asked}, {"recursion_limit": self._limit}, stream_mode="values"
            )
            for state in steps:
                messages = state["messages"]
        except GraphRecursionError:
            note = "the model went on calling tools and was stopped"
        except openai.OpenAIError as error:
            raise self._as_model_error(error) from error
        return _turn(text, messages[len(asked) :], note)

    def close(self) -> None:
        """Nothing is held between calls."""

    def _as_model_error(self, error: openai.OpenAIError) -> ModelError:
        said = " ".join(str(error).split())[:300]
        refused = isinstance(error, openai.APIStatusError) and error.status_code in _REFUSALS
        if refused and "tool" in said.lower():
            return ToolsUnsupported(f"{self._base_url} does not take tools for this model: {said}")
        if isinstance(error, openai.APIConnectionError):
            return ModelError(f"no server answers at {self._base_url} ({said})")
        return ModelError(f"{self._base_url}: {said}")


def _as_messages(turn: Turn) -> tuple[AnyMessage, AnyMessage]:
    sent = f" (sent the sticker {quoted(turn.sticker.id)})" if turn.sticker else ""
    return HumanMessage(plain(turn.heard)), AIMessage(turn.say + sent)


def _turn(text: str, new: Sequence[AnyMessage], note: str) -> Turn:
    """What came out of one run of the agent: the last words, the last sticker sent and its scores."""
    words = [str(message.text) for message in new if isinstance(message, AIMessage) and message.text]
    sticker: Sticker | None = None
    scores: dict[str, dict[str, float]] = {}
    query = ""
    for message in new:
        if isinstance(message, AIMessage):
            for call in message.tool_calls:
                query = str(call["args"].get("query") or query)
        if isinstance(message, ToolMessage):
            found = message.artifact if isinstance(message.artifact, list) else [message.artifact]
            scores |= {one.sticker.id: dict(one.scores) for one in found if isinstance(one, Pick)}
            if message.name == "send_sticker" and isinstance(message.artifact, Sticker):
                sticker = message.artifact
    say = words[-1].strip() if words else ""
    if not say and not note and sticker is None:
        note = "the model said nothing"
    of_sticker = scores.get(sticker.id, {}) if sticker else {}
    return Turn(text, say, "tools", sticker, of_sticker, query, note)
