"""`sticker chat`: talk with a model that may answer with stickers."""

import json as jsonlib
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from retriever.cli.options import DeviceOption, JsonOption, LibraryOption

if TYPE_CHECKING:
    from llm_tools.agent import StickerChat
    from llm_tools.chat.turn import Turn


def chat(
    llm: Annotated[
        str,
        typer.Option(
            "--llm", help="Base URL of an OpenAI-compatible server, such as http://localhost:8000/v1."
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="Model id, or a short name such as qwen3-vl (default: the server's first).",
            show_default=False,
        ),
    ] = None,
    library: LibraryOption = None,
    engine: Annotated[
        str,
        typer.Option(
            help="tools: LangChain's agent, for servers that parse tool calls; json: one JSON answer a turn, "
            "for any server; auto: tools, and json where they are refused.",
        ),
    ] = "auto",
    language: Annotated[str, typer.Option(help="Of the prompts: en or zh.")] = "en",
    api_key: Annotated[
        str | None,
        typer.Option(help="The server's key.", envvar="STICKER_LLM_API_KEY", show_default=False),
    ] = None,
    device: DeviceOption = "auto",
    json: JsonOption = False,
) -> int:
    """Chat on the terminal or through a pipe, one message a line; an empty line does nothing, Ctrl-D ends."""
    from llm_tools.agent import open_chat
    from retriever.chain import StickerRetriever

    retriever = StickerRetriever.open(library, device=device)
    with open_chat(retriever, llm, model, engine=engine, api_key=api_key, language=language) as talk:  # type: ignore[arg-type]
        typer.echo(f"chatting with {talk.model}; {len(retriever.stickers)} stickers", err=True)
        return _loop(talk, as_json=json)


def _loop(talk: "StickerChat", *, as_json: bool) -> int:
    """Answer stdin line by line; at a terminal a failed answer is told and the chat goes on."""
    from retriever.errors import StickerError

    at_terminal = sys.stdin.isatty()
    while True:
        if at_terminal:
            typer.echo("> ", nl=False, err=True)
        line = sys.stdin.readline()
        if not line:
            return 0
        if not line.strip():
            continue
        try:
            turn = talk.say(line.strip())
        except StickerError as error:
            if not at_terminal:
                raise
            typer.echo(f"sticker: {error}", err=True)
            continue
        _print_json(turn) if as_json else _print(turn)


def _print(turn: "Turn") -> None:
    from retriever.visible import visible

    if turn.say:
        sys.stdout.write(visible(turn.say) + "\n")
    if turn.sticker is not None:
        sys.stdout.write(f"[sticker] {visible(turn.sticker.id)}  {visible(turn.sticker.path)}\n")
    sys.stdout.flush()
    if turn.note:
        typer.echo(f"({turn.note})", err=True)


def _print_json(turn: "Turn") -> None:
    sticker = turn.sticker
    sent = None
    if sticker is not None:
        sent = {"id": sticker.id, "pack": sticker.pack, "path": sticker.path, "label": sticker.label}
        sent["scores"] = dict(turn.scores)  # type: ignore[assignment]
    row = {
        "heard": turn.heard, "say": turn.say, "sticker": sent, "query": turn.query, "engine": turn.engine,
        "note": turn.note,
    }  # fmt: skip
    sys.stdout.write(jsonlib.dumps(row, ensure_ascii=False) + "\n")
    sys.stdout.flush()
