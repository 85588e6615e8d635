"""One timed run of `sticker describe` against a server, as both describe benchmarks take it."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llm_tools.backends import Backend
from llm_tools.describe import DescribeOptions, describe_async
from llm_tools.summary import Summary
from retriever.types import Sticker

__all__ = ["timed"]


async def timed(
    backend: Backend, stickers: Sequence[Sticker], options: DescribeOptions, concurrency: int, folder: Path
) -> tuple[list[dict[str, Any]], Summary, float]:
    """Describe `stickers` into a new journal in `folder`, and close `backend`.

    Returns:
        The rows and the summary of `describe_async`, and the seconds that took; asking whether the server is
        there comes before.
    """
    await backend.check()
    journal = folder / f"{time.time_ns()}.jsonl"
    began = time.perf_counter()
    rows, summary = await describe_async(
        stickers, backend, journal, options, concurrency=concurrency, show_progress=False
    )
    seconds = time.perf_counter() - began
    await backend.aclose()
    return rows, summary, seconds
