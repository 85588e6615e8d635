"""Options of the subcommands that ask a language model about many things, and what they stand for."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from llm_tools.backends.base import Backend
    from llm_tools.budget import Budget
    from llm_tools.estimate import Price
    from llm_tools.summary import Summary

SERVER, WORK, LIMITS = "Model", "How it is asked", "Limits"

BaseUrlOption = Annotated[
    str | None,
    typer.Option(
        "--base-url", help="An OpenAI-compatible server, such as http://localhost:8000/v1.",
        show_default=False, rich_help_panel=SERVER,
    ),
]  # fmt: skip
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
TensorParallelOption = Annotated[
    int, typer.Option(min=1, help="GPUs that share one model (--engine vllm).", rich_help_panel=SERVER)
]
DataParallelOption = Annotated[
    int,
    typer.Option(
        min=1, help="Copies of the model, each on GPUs of its own (--engine vllm).", rich_help_panel=SERVER
    ),
]
LanguageOption = Annotated[str, typer.Option(help="Of the prompts: en or zh.", rich_help_panel=WORK)]
PolicyOption = Annotated[
    str,
    typer.Option(
        help="guided: decoding forced into the schema; free: not; free-then-guided: forced only on a re-ask.",
        rich_help_panel=WORK,
    ),
]
ConcurrencyOption = Annotated[int, typer.Option(min=1, help="Calls in flight.", rich_help_panel=WORK)]
RetryFailedOption = Annotated[
    bool, typer.Option("--retry-failed", help="Ask again about what failed earlier.", rich_help_panel=WORK)
]
MaxCallsOption = Annotated[
    int | None, typer.Option(help="Stop after so many calls.", show_default=False, rich_help_panel=LIMITS)
]
MaxTokensOption = Annotated[
    int | None,
    typer.Option(help="Stop after so many tokens, in and out.", show_default=False, rich_help_panel=LIMITS),
]
MaxMinutesOption = Annotated[
    float | None, typer.Option(help="Stop after so many minutes.", show_default=False, rich_help_panel=LIMITS)
]
DryRunOption = Annotated[
    bool,
    typer.Option("--dry-run", help="Tell calls, tokens and time, and ask nothing.", rich_help_panel=LIMITS),
]
PriceOption = Annotated[
    str | None,
    typer.Option(
        help="IN,OUT: money for a million tokens, for --dry-run.", show_default=False, rich_help_panel=LIMITS
    ),
]


def open_backend(
    engine: str,
    base_url: str | None,
    model: str | None,
    api_key: str | None,
    tensor_parallel: int = 1,
    data_parallel: int = 1,
) -> "Backend":
    """The model to ask.

    Raises:
        InputError: an unknown engine, or one without what it needs.
    """
    from functools import partial

    from retriever.errors import InputError

    if engine == "http":
        from llm_tools.backends.http import HTTPBackend

        if base_url is None:
            raise InputError(
                "no server given; add --base-url http://HOST:PORT/v1, or --engine vllm --model MODEL"
            )
        return HTTPBackend(base_url, model, api_key=api_key)
    if engine == "vllm":
        from llm_tools.backends.vllm_engine import VLLMBackend

        if model is None:
            raise InputError("--engine vllm needs --model: a folder or a hub id")
        if data_parallel == 1:
            return VLLMBackend(model, tensor_parallel=tensor_parallel)
        from llm_tools.backends.replicas import ReplicatedBackend

        make = partial(VLLMBackend, model, tensor_parallel=tensor_parallel)
        return ReplicatedBackend(make, data_parallel, model=model, devices_each=tensor_parallel)
    raise InputError(f"no engine {engine!r}; there are http, vllm and, where the help says so, ray or comet")


def budget(max_calls: int | None, max_tokens: int | None, max_minutes: float | None) -> "Budget":
    """The limits as the runner takes them."""
    from llm_tools.budget import Budget

    return Budget(max_calls, max_tokens, max_minutes)


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
