"""OpenAI batch files: the same calls as a file, for ``vllm run-batch`` or a provider's batch endpoint."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llm_tools.backends.base import Capabilities, Reply, Request
from llm_tools.backends.wire import Guidance, error_text, parse_completion, request_body
from llm_tools.batch import answered_rows, run_batch
from llm_tools.summary import Summary
from llm_tools.task import Item, Task
from retriever.errors import InputError, StickerError

__all__ = ["BatchFileReport", "journal_replies", "read_replies", "requests_of", "write_requests"]

_URL = "/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class BatchFileReport:
    """What was written.

    Attributes:
        written: calls in the file.
        known: items that the journal has an answer for.
        unreadable: (item id, why) of items whose prompt cannot be made.
    """

    written: int
    known: int
    unreadable: tuple[tuple[str, str], ...]


def requests_of(items: Iterable[Item], task: Task) -> Iterator[tuple[Item, Request | StickerError | OSError]]:
    """The first call for every item, or why it cannot be made; guided unless the task never guides."""
    for item in items:
        try:
            messages = tuple(item.messages())
        except (StickerError, OSError) as error:
            yield item, error
            continue
        yield (
            item,
            Request(
                messages,
                max_tokens=task.max_tokens,
                temperature=task.temperature,
                seed=task.seed,
                schema=None if task.policy == "free" else task.schema,
                key=item.key,
                extra=task.extra,
            ),
        )


def write_requests(
    items: Iterable[Item],
    task: Task,
    model: str,
    path: Path,
    *,
    journal: Path | None = None,
    guidance: Guidance = "response_format",
) -> BatchFileReport:
    """Write the calls that are left to do, one JSON object a line; ``custom_id`` is the item's key.

    A batch file has no second try, so ``free-then-guided`` asks guided here.

    Args:
        model: the model id at the server that will run the file.
        path: written anew.
        journal: items that it has an answer for are left out.
        guidance: how schemas are sent.
    """
    answered = answered_rows(journal) if journal is not None else {}
    seen: set[str] = set()
    known, unreadable = 0, []
    with path.open("w", encoding="utf-8") as file:
        for item, request in requests_of((item for item in items if item.key not in seen), task):
            if item.key in answered:
                known += 1
            elif isinstance(request, Request):
                seen.add(item.key)
                body = request_body(request, model, guidance)
                line = {"custom_id": item.key, "method": "POST", "url": _URL, "body": body}
                file.write(json.dumps(line) + "\n")
            else:
                unreadable.append((item.id, str(request)))
    return BatchFileReport(len(seen), known, tuple(unreadable))


def read_replies(path: Path) -> dict[str, Reply]:
    """The replies of an output file by ``custom_id``.

    Raises:
        InputError: a line is not of the batch format; names file and line.
    """
    replies: dict[str, Reply] = {}
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    entry = json.loads(line)
                    replies[str(entry["custom_id"])] = _reply(entry)
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise InputError(
                        f"{path}, line {number}: no line of a batch output file ({error!r})"
                    ) from error
    return replies


def _reply(entry: Mapping[str, Any]) -> Reply:
    response = entry.get("response") or {}
    body = response.get("body")
    if response.get("status_code", 200) == 200 and not entry.get("error") and body:
        return parse_completion(body)
    said = error_text(entry.get("error") or body or "no response")
    return Reply(error=f"HTTP {response.get('status_code', '?')}: {said}", failure="refused")


def journal_replies(
    items: Sequence[Item], task: Task, replies: Mapping[str, Reply], model: str, journal: Path
) -> Summary:
    """File the replies of a batch as if they had just been asked for: validated, answers and failures kept.

    Items without a reply are left for another file or run, and counted as not asked.

    Args:
        items, task: those that `write_requests` was given.
        model: the model that ran the file; the same id as in the items' keys.

    Raises:
        InputError: not one reply belongs to these items (other stickers, model, prompt or settings).
        LibraryLocked: another process writes the journal.
    """
    answered = [replace(item, messages=tuple) for item in items if item.key in replies]
    if replies and not answered:
        raise InputError(
            f"none of the {len(replies)} replies belongs to these {len(items)} items; the file was written "
            "with another model, prompt or setting"
        )
    recorded = _Recorded(replies, model, Capabilities())
    summary = run_batch(answered, replace(task, max_tries=1), recorded, journal, concurrency=1)
    summary.items = len(items)
    summary.not_asked += len(items) - len(answered)
    summary.stopped = "no reply in the batch file" if summary.not_asked else None
    return summary


@dataclass(frozen=True, slots=True)
class _Recorded:
    """A backend whose replies are known already."""

    replies: Mapping[str, Reply]
    model: str
    capabilities: Capabilities

    async def check(self) -> None:
        """Nothing can fail."""

    async def complete(self, requests: Sequence[Request]) -> list[Reply]:
        return [self.replies[request.key] for request in requests]

    async def aclose(self) -> None:
        """Nothing is open."""
