"""A well-behaved server for tests: real sockets in a thread of its own, answers from a function."""

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from bad_server import Answer, BadServer, bad_server

Reply = Callable[[dict[str, Any], int], Answer]


@contextmanager
def scripted_server(reply: Reply, models: tuple[str, ...] = ("scripted",)) -> Iterator[BadServer]:
    """A running server whose every chat call gets ``reply(body, number of the call)``."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    context = bad_server(reply, models=models)
    try:
        yield asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result(10)
    finally:
        asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result(10)
        asyncio.run_coroutine_threadsafe(_end_tasks(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _end_tasks() -> None:
    """Hang up on everybody."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def completion(
    text: str,
    logprobs: Sequence[Mapping[str, float]] = (),
    tool_calls: Sequence[tuple[str, Mapping[str, Any]]] = (),
) -> Answer:
    """An answer with log probabilities (one mapping a token, the chosen one first) or tool calls."""
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if tool_calls:
        message["tool_calls"] = [
            {
                "id": f"call-{number}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(arguments)},
            }
            for number, (name, arguments) in enumerate(tool_calls)
        ]
    choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": "stop"}
    if tool_calls:
        choice["finish_reason"] = "tool_calls"
    if logprobs:
        choice["logprobs"] = {"content": [_position(alternatives) for alternatives in logprobs]}
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    body = {
        "id": "x", "object": "chat.completion", "created": 0, "model": "scripted", "choices": [choice],
        "usage": usage,
    }  # fmt: skip
    return Answer(body=json.dumps(body).encode())


def _position(alternatives: Mapping[str, float]) -> dict[str, Any]:
    token, value = next(iter(alternatives.items()))
    listed = [{"token": key, "logprob": number, "bytes": None} for key, number in alternatives.items()]
    return {"token": token, "logprob": value, "bytes": None, "top_logprobs": listed}


def prompt_text(body: Mapping[str, Any], message: int = -1) -> str:
    """All text of one message, the last one unless told otherwise."""
    content = body["messages"][message]["content"]
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content)


def data_lines(body: Mapping[str, Any], tag: str) -> list[dict[str, Any]]:
    """The JSON objects between ``<tag>`` and ``</tag>`` of the question (also when it is asked again)."""
    question = next(i for i, message in enumerate(body["messages"]) if message["role"] == "user")
    found = re.findall(rf"<{tag}>\n(.*?)\n</{tag}>", prompt_text(body, question), re.DOTALL)
    assert len(found) == 1, f"{len(found)} blocks {tag}"
    return [json.loads(line) for line in found[0].split("\n")]
