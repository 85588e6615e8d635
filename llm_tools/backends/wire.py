"""The OpenAI chat-completions format, shared by the HTTP backend and batch files."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from llm_tools.backends.base import Reply, Request, chat_messages

Guidance = Literal["response_format", "structured_outputs", "none"]
"""How a schema is sent: the OpenAI field, vLLM's own, or not at all."""


def request_body(request: Request, model: str, guidance: Guidance = "response_format") -> dict[str, Any]:
    """The JSON body of a ``/chat/completions`` call."""
    body: dict[str, Any] = {
        "model": model,
        "messages": chat_messages(request.messages),
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
    }
    if request.seed is not None:
        body["seed"] = request.seed
    if request.logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": request.logprobs}
    if request.schema is not None and guidance == "response_format":
        form = {"name": "answer", "strict": True, "schema": dict(request.schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    if request.schema is not None and guidance == "structured_outputs":
        body["structured_outputs"] = {"json": dict(request.schema)}
    return body | dict(request.extra)


def parse_completion(body: Any, guided: bool = False) -> Reply:
    """A `Reply` from the JSON body of an answered call; a body of another form gives a reply with `error`."""
    try:
        choice = body["choices"][0]
        message = choice["message"]
        usage = body.get("usage") or {}
        refusal = message.get("refusal")
        return Reply(
            text=writable(message.get("content") or ""),
            finish_reason=choice.get("finish_reason") or "",
            prompt_tokens=int(usage.get("prompt_tokens") or 0),
            completion_tokens=int(usage.get("completion_tokens") or 0),
            logprobs=_logprobs(choice.get("logprobs")),
            error=f"the model refused: {refusal}" if refusal else None,
            failure="refused" if refusal else "",
            guided=guided,
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        return Reply(
            error=f"the server's answer is no chat completion ({error!r}): {str(body)[:200]}",
            failure="transport",
        )


def _logprobs(field: Any) -> tuple[Mapping[str, float], ...] | None:
    if not field or not field.get("content"):
        return None
    positions = []
    for token in field["content"]:
        top = token.get("top_logprobs") or []
        alternatives = merged_logprobs((entry["token"], float(entry["logprob"])) for entry in top)
        alternatives.setdefault(token["token"], float(token["logprob"]))
        positions.append(alternatives)
    return tuple(positions)


def merged_logprobs(entries: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Log probabilities by what a token reads; several that read the same (halves of a character) add up."""
    merged: dict[str, float] = {}
    for token, logprob in entries:
        merged[token] = _log_of_sum(merged.get(token, -math.inf), logprob)
    return merged


def _log_of_sum(a: float, b: float) -> float:
    high, low = max(a, b), min(a, b)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))


def writable(text: str) -> str:
    """`text` with half surrogate pairs spelled out: JSON can carry them, UTF-8 cannot."""
    return text.encode("utf-8", "backslashreplace").decode()


def error_text(body: Any) -> str:
    """What the server says went wrong, on one line of at most 300 characters."""
    found = body
    if isinstance(body, Mapping):
        found = body.get("error", body.get("message", body.get("detail", body)))
        if isinstance(found, Mapping):
            found = found.get("message", found)
    return " ".join(str(found).split())[:300]
