"""The three answer policies of `sticker describe` against each other on one server, in turns over rounds.

`guided` forces every answer into the schema, `free-then-guided` only a re-ask, `free` none. Each turn is
about stickers that the server has not seen; the order is reversed in every second round; policies are
compared within a round and the median of the ratios is quoted. Beside them two ways that say what
guidance itself costs: one call a sticker with the same prompt, forced and free, cut off at the same
number of tokens.

    python benchmarks/describe_policies.py --model-dir /tmp/taught --target 0.8 --split-cores
    python benchmarks/describe_policies.py --base-url http://localhost:8000 --stickers 256 --concurrency 64

Without --base-url the tests' tiny Qwen2.5-VL is taught on the spot to write such records, imperfectly (see
taught_vl.py), kept in --model-dir for the next run, and served from the vLLM environment (`make vllm-env`).
--split-cores keeps client and server on cores of their own.

Greedily that model gives all stickers much the same record, so the temperature is 1 by default and the
seed is left to the server (`extra={"seed": None}`; one seed for all calls would make them alike again).
With a real model give --temperature 0, which is what `describe` uses.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "llm_tools")]

from describe_timed import timed  # noqa: E402
from sample_stickers import saved  # noqa: E402
from taught_vl import make_or_reuse, problem_of  # noqa: E402

from llm_tools.backends import HTTPBackend, Reply, Request  # noqa: E402
from llm_tools.describe import DescribeOptions  # noqa: E402
from llm_tools.task import POLICIES  # noqa: E402
from retriever.types import Sticker  # noqa: E402

FORCED = {"cut guided": "guided", "cut free": "free"}
"""Ways of one call that stops at a number of tokens: what a token costs with and without guidance."""
WAYS = (*POLICIES, *FORCED)


class Watched(HTTPBackend):
    """Keeps every reply with whether it answered a first question."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.replies: list[tuple[bool, Reply]] = []

    async def complete(self, requests: Sequence[Request]) -> list[Reply]:
        replies = await super().complete(requests)
        first = [len(request.messages) == 2 for request in requests]
        self.replies += zip(first, replies, strict=True)
        return replies


@dataclass(frozen=True, slots=True)
class Turn:
    """One way, one round.

    Attributes:
        stickers, records: how many were asked about; how many got a valid record.
        first_valid: replies to a first question that validate.
        bad: what was wrong with replies, first or not, by reason.
        failed: what was wrong with stickers that got no record, by reason.
    """

    stickers: int
    records: int
    calls: int
    seconds: float
    prompt_tokens: int
    completion_tokens: int
    first_valid: int
    bad: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)


def options_of(way: str, temperature: float, cut: int) -> DescribeOptions:
    """How `way` asks."""
    extra: dict[str, Any] = {} if temperature == 0 else {"seed": None}
    if way not in FORCED:
        return DescribeOptions(policy=way, temperature=temperature, extra=extra)  # type: ignore[arg-type]
    if FORCED[way] == "free":
        extra |= {"min_tokens": cut, "ignore_eos": True}
    return DescribeOptions(
        policy=FORCED[way],  # type: ignore[arg-type]
        temperature=temperature,
        max_tokens=cut,
        max_tries=1,
        extra=extra,
    )


async def take_turn(
    url: str, stickers: Sequence[Sticker], options: DescribeOptions, concurrency: int, folder: Path
) -> Turn:
    """Describe `stickers` and count."""
    backend = Watched(url)
    rows, summary, seconds = await timed(backend, stickers, options, concurrency, folder)
    found = [(first, verdict(reply)) for first, reply in backend.replies]
    return Turn(
        len(stickers), len(rows), summary.calls, seconds, summary.prompt_tokens, summary.completion_tokens,
        first_valid=sum(first and said == "valid" for first, said in found),
        bad=Counter(said for _, said in found if said != "valid"),
        failed=Counter(summary.failed),
    )  # fmt: skip


def verdict(reply: Reply) -> str:
    """``valid``, or why the runner does not keep it."""
    if reply.error is not None:
        return reply.failure or "refused"
    problem = problem_of(reply.text, reply.finish_reason)
    return problem.reason if problem else "valid"


async def measure(
    url: str, *, count: int, concurrency: int, rounds: int, size: int, temperature: float, cut: int
) -> dict[str, list[Turn]]:
    """Every way's turns, round by round, after one turn of each policy that is not counted."""
    turns: dict[str, list[Turn]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as name:
        folder, number = Path(name), 0
        for turn in range(-1, rounds):
            for way in WAYS if turn % 2 == 0 else WAYS[::-1]:
                stickers = [
                    saved(folder / "s", n, size=size, words=f"n{n}") for n in range(number, number + count)
                ]
                number += count
                options = options_of(way, temperature, cut)
                took = await take_turn(url, stickers, options, concurrency, folder)
                if turn >= 0:
                    turns[way].append(took)
                    print(f"round {turn + 1}: {way}: {took}", file=sys.stderr, flush=True)
    return turns


def figures(turns: Sequence[Turn]) -> dict[str, Any]:
    """A way's figures: medians over its turns of what is timed, sums of what is counted."""
    stickers, records = sum(t.stickers for t in turns), sum(t.records for t in turns)
    tokens = sum(t.completion_tokens for t in turns)
    return {
        "stickers": stickers,
        "stickers_per_s": statistics.median(t.stickers / t.seconds for t in turns),
        "records_per_s": statistics.median(t.records / t.seconds for t in turns),
        "records_per_s_by_round": [round(t.records / t.seconds, 3) for t in turns],
        "tokens_per_s": statistics.median(t.completion_tokens / t.seconds for t in turns),
        "valid": records / stickers,
        "first_valid": sum(t.first_valid for t in turns) / stickers,
        "calls_per_sticker": sum(t.calls for t in turns) / stickers,
        "reasks": sum(t.calls - t.stickers for t in turns),
        "tokens_per_call": tokens / sum(t.calls for t in turns),
        "tokens_per_sticker": tokens / stickers,
        "prompt_tokens_per_sticker": sum(t.prompt_tokens for t in turns) / stickers,
        "bad_replies": added(t.bad for t in turns),
        "failed": added(t.failed for t in turns),
    }


def added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """`counts` added up by key."""
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(sorted(total.items()))


def ratio(ours: Sequence[Turn], theirs: Sequence[Turn], what: str) -> dict[str, Any]:
    """``what`` a second of one way over another's: by round, since a busy machine slows both, and the median.

    A round in which the other way has none of it is left out; with no round left the median is None.
    """
    pairs = zip(ours, theirs, strict=True)
    rates = [(getattr(a, what) / a.seconds, getattr(b, what) / b.seconds) for a, b in pairs]
    found = [round(a / b, 3) for a, b in rates if b]
    return {"median": statistics.median(found) if found else None, "by_round": found}


def compared(turns: Mapping[str, Sequence[Turn]]) -> dict[str, Any]:
    """The ratios that the choice of a policy hangs on."""
    default = turns["free-then-guided"]
    return {
        "records: guided / free-then-guided": ratio(turns["guided"], default, "records"),
        "records: free / free-then-guided": ratio(turns["free"], default, "records"),
        "records: guided / free": ratio(turns["guided"], turns["free"], "records"),
        "tokens cut at one length: guided / free": ratio(
            turns["cut guided"], turns["cut free"], "completion_tokens"
        ),
    }


def table(ways: Mapping[str, Mapping[str, Any]], ratios: Mapping[str, Any]) -> str:
    """What people read."""
    lines = [
        f"{'':18}{'stickers/s':>11}{'records/s':>11}{'valid':>7}{'first':>7}{'calls':>7}{'re-asks':>8}"
        f"{'tok/call':>9}{'tok/s':>8}  bad replies; stickers that failed"
    ]
    for way, row in ways.items():
        reasons = "; ".join(
            ", ".join(f"{count} {reason}" for reason, count in row[name].items()) or "none"
            for name in ("bad_replies", "failed")
        )
        lines.append(
            f"{way:18}{row['stickers_per_s']:11.2f}{row['records_per_s']:11.2f}{row['valid']:7.1%}"
            f"{row['first_valid']:7.1%}{row['calls_per_sticker']:7.2f}{row['reasks']:8d}"
            f"{row['tokens_per_call']:9.1f}{row['tokens_per_s']:8.0f}  {reasons}"
        )
    for name, found in ratios.items():
        by_round = " ".join(f"{value:.2f}" for value in found["by_round"])
        median = "none" if found["median"] is None else f"{found['median']:.2f}"
        lines.append(f"{name}: {median}  ({by_round})")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base-url", help="a running server in place of one that is started here")
    parser.add_argument("--model-dir", type=Path, help="where the taught model is kept; a temporary folder")
    parser.add_argument("--target", type=float, default=0.8, help="share of free answers that shall validate")
    parser.add_argument("--known", type=int, default=12, help="how many records the model is taught")
    parser.add_argument("--most-steps", type=int, default=1500, help="of teaching")
    parser.add_argument("--most-s", type=float, default=600, help="seconds of teaching")
    parser.add_argument("--stickers", type=int, default=24, help="a turn")
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--size", type=int, default=128, help="of the drawn stickers, pixels a side")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--cut", type=int, default=64, help="tokens of the two ways of one length")
    parser.add_argument("--split-cores", action="store_true")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the server has to be ended in any case
    settings = {
        "count": given.stickers, "concurrency": given.concurrency, "rounds": given.rounds,
        "size": given.size, "temperature": given.temperature, "cut": given.cut,
    }  # fmt: skip
    taught: dict[str, Any] | None = None
    if given.base_url:
        url = given.base_url.rstrip("/").removesuffix("/v1") + "/v1"
        turns = asyncio.run(measure(url, **settings))
    else:
        from vllm_server import serve

        with tempfile.TemporaryDirectory() as name:
            folder = given.model_dir or Path(name) / "model"
            taught = make_or_reuse(
                folder,
                {
                    "target": given.target, "known": given.known, "size": given.size,
                    "most_steps": given.most_steps, "most_s": given.most_s, "seed": 0,
                },
            )  # fmt: skip
            with serve(folder, given.split_cores) as url:
                turns = asyncio.run(measure(url, **settings))
    ways = {way: figures(each) for way, each in turns.items()}
    ratios = compared(turns)
    cores = {"split": given.split_cores, "machine": os.cpu_count()}
    result = {"settings": settings, "taught": taught, "cores": cores, "ways": ways, "ratios": ratios}
    print(json.dumps(result, indent=1))
    if not given.json:
        print(table(ways, ratios))


if __name__ == "__main__":
    main()
