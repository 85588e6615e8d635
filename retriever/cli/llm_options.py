"""Options of the subcommands that ask a language model about many things, and what they stand for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from llm_tools.backends.base import Backend
    from llm_tools.estimate import Price
    from llm_tools.summary import Summary
    from llm_tools.task import Item, Task

SERVER, WORK, LIMITS = "Model", "How it is asked", "Limits"

ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model", "-m", help="Model id, folder or hub id (default: the server's only one).",
        show_default=False, rich_help_panel=SERVER,
    ),
]  # fmt: skip
ApiKeyOption = Annotated[
    str | None,
    typer.Option(
        help="The server's key.", envvar="STICKER_LLM_API_KEY", show_default=False, rich_help_panel=SERVER
    ),
]
LanguageOption = Annotated[str, typer.Option(help="Of the prompts: en or zh.", rich_help_panel=WORK)]


@dataclass(frozen=True)
class Server:
    """Which model is asked, and where it runs."""

    base_url: Annotated[
        str | None,
        typer.Option(
            "--base-url", help="An OpenAI-compatible server, such as http://localhost:8000/v1.",
            show_default=False, rich_help_panel=SERVER,
        ),
    ] = None  # fmt: skip
    model: ModelOption = None
    engine: Annotated[
        str, typer.Option(help="http: a server; vllm: in this process.", rich_help_panel=SERVER)
    ] = "http"
    api_key: ApiKeyOption = None
    tensor_parallel: Annotated[
        int, typer.Option(min=1, help="GPUs that share one model (--engine vllm).", rich_help_panel=SERVER)
    ] = 1
    data_parallel: Annotated[
        int,
        typer.Option(
            min=1,
            help="Copies of the model, each on GPUs of its own (--engine vllm).",
            rich_help_panel=SERVER,
        ),
    ] = 1

    def open(self) -> "Backend":
        """The model to ask.

        Raises:
            InputError: an unknown engine, or one without what it needs.
        """
        from functools import partial

        from retriever.errors import InputError

        if self.engine == "http":
            from llm_tools.backends.http import HTTPBackend

            if self.base_url is None:
                raise InputError(
                    "no server given; add --base-url http://HOST:PORT/v1, or --engine vllm --model MODEL"
                )
            return HTTPBackend(self.base_url, self.model, api_key=self.api_key)
        if self.engine == "vllm":
            from llm_tools.backends.vllm_engine import VLLMBackend

            if self.model is None:
                raise InputError("--engine vllm needs --model: a folder or a hub id")
            if self.data_parallel == 1:
                return VLLMBackend(self.model, tensor_parallel=self.tensor_parallel)
            from llm_tools.backends.replicas import ReplicatedBackend

            make = partial(VLLMBackend, self.model, tensor_parallel=self.tensor_parallel)
            return ReplicatedBackend(
                make, self.data_parallel, model=self.model, devices_each=self.tensor_parallel
            )
        raise InputError(
            f"no engine {self.engine!r}; there are http, vllm and, where the help says so, ray or comet"
        )


@dataclass(frozen=True)
class Asking:
    """How a model is asked about many things, and how much of it may be used."""

    policy: Annotated[
        str,
        typer.Option(
            help="guided: decoding forced into the schema; free: not; free-then-guided: forced only on a "
            "re-ask.",
            rich_help_panel=WORK,
        ),
    ] = "free-then-guided"
    concurrency: Annotated[int, typer.Option(min=1, help="Calls in flight.", rich_help_panel=WORK)] = 64
    retry_failed: Annotated[
        bool,
        typer.Option("--retry-failed", help="Ask again about what failed earlier.", rich_help_panel=WORK),
    ] = False
    max_calls: Annotated[
        int | None, typer.Option(help="Stop after so many calls.", show_default=False, rich_help_panel=LIMITS)
    ] = None
    max_tokens: Annotated[
        int | None,
        typer.Option(
            help="Stop after so many tokens, in and out.", show_default=False, rich_help_panel=LIMITS
        ),
    ] = None
    max_minutes: Annotated[
        float | None,
        typer.Option(help="Stop after so many minutes.", show_default=False, rich_help_panel=LIMITS),
    ] = None
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Tell calls, tokens and time, and ask nothing.", rich_help_panel=LIMITS
        ),
    ] = False
    price: Annotated[
        str | None,
        typer.Option(
            help="IN,OUT: money for a million tokens, for --dry-run.", show_default=False,
            rich_help_panel=LIMITS,
        ),
    ] = None  # fmt: skip

    def limits(self) -> dict[str, Any]:
        """The arguments that every runner takes."""
        from llm_tools.budget import Budget

        budget = Budget(self.max_calls, self.max_tokens, self.max_minutes)
        return {"budget": budget, "retry_failed": self.retry_failed}

    def tell_estimate(self, task: "Task", items: "Sequence[Item]", journal: Path) -> int:
        """Say on stdout what a run would cost; gives the exit code."""
        from llm_tools.estimate import estimate

        typer.echo(estimate(items, task, journal, price=parse_price(self.price)))
        return 0


def id_of(backend: "Backend") -> str:
    """The id of the model behind `backend`, once it is known to be there; closes the backend.

    Raises:
        ModelError: it is not there.
    """
    import asyncio

    async def ask() -> str:
        try:
            await backend.check()
            return backend.model
        finally:
            await backend.aclose()

    return asyncio.run(ask())


def parse_price(text: str | None) -> "Price | None":
    """``"0.2,0.6"`` as a price.

    Raises:
        InputError: not two numbers.
    """
    from llm_tools.estimate import Price
    from retriever.errors import InputError

    if text is None:
        return None
    try:
        prompt, completion = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"got --price {text!r}; expected IN,OUT, such as 0.2,0.6") from None
    return Price(prompt, completion)


def tell(summary: "Summary", failures: Path) -> int:
    """Say on stderr how a run ended; gives the exit code: 2 when something failed."""
    typer.echo(str(summary), err=True)
    if summary.failed or summary.failed_before:
        typer.echo(f"raw replies and reasons of what failed: {failures}", err=True)
    if summary.stopped:
        typer.echo("the same command goes on from here", err=True)
    return 2 if summary.failed or summary.failed_before else 0
