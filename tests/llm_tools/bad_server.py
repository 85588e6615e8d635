"""A local server that misbehaves on purpose: what each call gets is a script that the test writes."""

import asyncio
import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Answer:
    """What one call gets.

    Attributes:
        text: the assistant's words, wrapped into a chat completion.
        body: a whole body in place of that.
        cut: close the connection after the status line instead of answering.
        delay: seconds before anything is sent.
    """

    text: str = "{}"
    status: int = 200
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    delay: float = 0.0
    finish_reason: str = "stop"


def completion(text: str, finish_reason: str = "stop") -> bytes:
    """A chat completion that says `text`; 7 tokens in, 3 out."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    return json.dumps({"id": "x", "object": "chat.completion", "choices": [choice], "usage": usage}).encode()


class BadServer:
    """Answers ``/v1/models`` with one model and every chat call with what `reply` returns for its body."""

    def __init__(
        self, reply: Callable[[dict[str, Any], int], Answer], models: tuple[str, ...] = ("bad",)
    ) -> None:
        self._reply = reply
        self._models = models
        self.calls: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readline()
        if not head:
            return False
        headers: dict[str, str] = {}
        while line := (await reader.readline()).strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if b"/models" in head:
            answer = Answer(body=json.dumps({"data": [{"id": name} for name in self._models]}).encode())
        else:
            self.calls.append(json.loads(body))
            self.headers.append(headers)
            answer = self._reply(self.calls[-1], len(self.calls) - 1)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await asyncio.sleep(answer.delay)
        self.in_flight -= 1
        return await self._send(answer, writer)

    async def _send(self, answer: Answer, writer: asyncio.StreamWriter) -> bool:
        body = answer.body if answer.body is not None else completion(answer.text, answer.finish_reason)
        lines = [
            f"HTTP/1.1 {answer.status} X",
            f"Content-Length: {len(body)}",
            "Content-Type: application/json",
        ]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
        writer.write(body[: len(body) // 2] if answer.cut else body)
        await writer.drain()
        return not answer.cut


@asynccontextmanager
async def bad_server(reply: Callable[[dict[str, Any], int], Answer], **settings: Any):
    """A running `BadServer`; its `url` is the base URL."""
    bad = BadServer(reply, **settings)
    server = await asyncio.start_server(bad.handle, "127.0.0.1", 0, limit=1 << 24)
    bad.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield bad
    finally:
        server.close()


def user_text(body: dict[str, Any]) -> str:
    """The last message's words."""
    content = body["messages"][-1]["content"]
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part["type"] == "text")
