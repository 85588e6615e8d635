"""`sticker pick`: answer conversations with stickers."""

import json as jsonlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retriever.cli import llm_options
from retriever.cli.groups import grouped
from retriever.cli.options import DeviceOption, JsonOption, LibraryOption, RecallOption, Scoring

if TYPE_CHECKING:
    from retriever.chain import Answer
    from retriever.errors import ConversationError
    from retriever.scorers.base import Scorer
    from retriever.types import Conversation, Pick

FilterOption = list[str] | None


@grouped
def pick(
    *,
    text: Annotated[
        list[str] | None,
        typer.Argument(help="What was said, oldest first; two people take turns.", show_default=False),
    ] = None,
    conversation: Annotated[
        str | None,
        typer.Option(
            "--conversation", "-c", help="JSON lines, one conversation each; - for stdin.", show_default=False
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", help="How many stickers.")] = 3,
    mode: Annotated[
        str, typer.Option(help="reply: the sticker answers; supplement: it follows the sender's own words.")
    ] = "reply",
    library: LibraryOption = None,
    pack: Annotated[
        FilterOption, typer.Option(help="Only from this pack; repeatable.", show_default=False)
    ] = None,
    emotion: Annotated[
        FilterOption, typer.Option(help="Only with this emotion; repeatable.", show_default=False)
    ] = None,
    intention: Annotated[
        FilterOption, typer.Option(help="Only with this intention; repeatable.", show_default=False)
    ] = None,
    tag: Annotated[
        FilterOption, typer.Option(help="Only with this tag; repeatable.", show_default=False)
    ] = None,
    scoring: Scoring,
    recall: RecallOption = "exact",
    llm: Annotated[
        str | None,
        typer.Option(
            "--llm",
            help="An OpenAI-compatible server: the intent is inferred before retrieving; with a --fusion "
            "file that was fitted with a language model, that scores instead.",
            show_default=False,
            rich_help_panel=llm_options.SERVER,
        ),
    ] = None,
    model: llm_options.ModelOption = None,
    api_key: llm_options.ApiKeyOption = None,
    llm_score: Annotated[
        str | None,
        typer.Option(
            help="Let that model score the candidates too: pointwise or listwise.",
            show_default=False,
            rich_help_panel=llm_options.SERVER,
        ),
    ] = None,
    candidates: Annotated[
        int, typer.Option(min=1, help="How many stickers each scorer of the library may name.")
    ] = 200,
    sheet: Annotated[
        Path | None,
        typer.Option(help="Also draw the picks as a picture (PNG) here.", show_default=False),
    ] = None,
    device: DeviceOption = "auto",
    json: JsonOption = False,
) -> int:
    """Pick stickers for a conversation, best first, with what every scorer said."""
    from retriever.cli.llm_specs import llm_of_fusion, need_llm
    from retriever.errors import ConversationError, InputError

    if bool(text) == (conversation is not None):
        raise InputError("give either the conversation's text or --conversation FILE (- for stdin)")
    bad: list[ConversationError] = []
    with ExitStack() as stack:
        conversations = (
            _from_file(conversation, bad, stack)
            if conversation is not None
            else _from_texts(text or [], mode)
        )
        fitted = llm_of_fusion(scoring.fusion)
        if fitted is not None and llm is None:
            raise need_llm(scoring.fusion, fitted, "say where it runs with --llm http://HOST:PORT/v1")
        if fitted is not None:  # the same questions as when it was fitted
            model, llm_score = model or fitted.model, llm_score or fitted.method
        scorers = _llm_scorers(llm, model, api_key, llm_score)
        retriever = scoring.open(
            library, device=device, recall=recall, recall_size=candidates, scorers=scorers
        )
        drawn: list[tuple[Conversation, Sequence[Pick]]] = []
        for item in conversations:
            if llm is not None and fitted is None:
                item = _with_inferences(item, llm, model, api_key)
            answer = retriever.answer(
                item, k, packs=pack or (), emotions=emotion or (), intentions=intention or (), tags=tag or ()
            )
            expected = retriever.expected(item)
            _print_json(item, answer, expected) if json else _print_table(item, answer, expected)
            if sheet is not None:
                drawn.append((item, answer.picks))
    if sheet is not None:
        from retriever.starter.contact_sheet import contact_sheet

        contact_sheet(drawn, sheet)
        typer.echo(f"drawn: {sheet}", err=True)
    return 2 if bad else 0


def _from_texts(texts: list[str], mode: str) -> "list[Conversation]":
    from retriever.types import Conversation

    return [Conversation.from_texts(*texts, mode=mode)]  # type: ignore[arg-type]


def _from_file(name: str, bad: "list[ConversationError]", stack: ExitStack) -> "Iterator[Conversation]":
    """Conversations as they arrive; a bad line is told on stderr and the rest is still answered."""
    from retriever.conversations import read_conversations
    from retriever.errors import InputError

    def note(error: "ConversationError") -> None:
        typer.echo(f"sticker: {error}", err=True)
        bad.append(error)

    if name == "-":
        return read_conversations(sys.stdin.buffer, "stdin", note)
    try:
        file = Path(name).open("rb")  # noqa: SIM115 (closed by the stack)
    except OSError as error:
        raise InputError(
            f"{name} cannot be read ({error.strerror}); give a JSON Lines file, or - for stdin"
        ) from None
    return read_conversations(stack.enter_context(file), name, note)


def _llm_scorers(
    llm: str | None, model: str | None, api_key: str | None, method: str | None
) -> "list[Scorer]":
    if method is None:
        return []
    from llm_tools.scorer import LlmScorer
    from retriever.errors import InputError

    if llm is None:
        raise InputError("--llm-score needs a model; add --llm http://HOST:PORT/v1")
    return [LlmScorer.at(llm, model, api_key=api_key, method=method)]


def _with_inferences(
    conversation: "Conversation", llm: str, model: str | None, api_key: str | None
) -> "Conversation":
    """The conversation with what the model infers from it; an unusable answer is told and changes nothing."""
    from dataclasses import replace
    from tempfile import TemporaryDirectory

    from llm_tools.backends.http import HTTPBackend
    from llm_tools.infer import infer, inferences_of

    with TemporaryDirectory() as folder:
        rows, summary = infer(
            [conversation],
            HTTPBackend(llm, model, api_key=api_key),
            Path(folder) / "answers.jsonl",
            show_progress=False,
        )
    if not rows:
        typer.echo(f"sticker: nothing inferred, going on without: {summary}", err=True)
        return conversation
    return replace(conversation, inferences=inferences_of(rows[0]))


Expected = dict[str, dict[str, float]]


def _print_json(conversation: "Conversation", given: "Answer", expected: Expected) -> None:
    answer: dict[str, Any] = {
        "id": conversation.id,
        **({"expected": expected} if expected else {}),
        **({"decision": asdict(given.decision)} if given.decision else {}),
        "picks": [
            {
                "rank": pick.rank,
                "id": pick.sticker.id,
                "pack": pick.sticker.pack,
                "path": pick.sticker.path,
                "label": pick.sticker.label,
                "emotion": pick.sticker.emotion,
                "intention": pick.sticker.intention,
                "score": pick.score,
                "scores": dict(pick.scores),
                "parts": dict(pick.parts),
            }
            for pick in given.picks
        ],
    }
    sys.stdout.write(jsonlib.dumps(answer, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _likeliest(expected: Expected) -> str:
    """``sadness 62 %, anger 14 %; disappointment 31 %, ...``: the two likeliest of each kind."""
    kinds = []
    for shares in expected.values():
        best = sorted(shares, key=shares.__getitem__, reverse=True)[:2]
        kinds.append(", ".join(f"{label} {100 * shares[label]:.0f} %" for label in best))
    return "; ".join(kinds)


def _print_table(conversation: "Conversation", answer: "Answer", expected: Expected) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from retriever.visible import visible

    console, picks = Console(), answer.picks
    said = Text(f"{visible(conversation.id)}  " if conversation.id else "", style="dim")
    said.append(f"({conversation.mode})", style="dim")
    for utterance in conversation.utterances[-3:]:
        said.append(f"\n{visible(utterance.speaker)}: ", style="cyan")
        said.append(visible(utterance.text))
    if expected:
        said.append(f"\nexpected: {_likeliest(expected)}", style="dim")
    if answer.decision:
        send = "yes" if answer.decision.send else "no"
        said.append(f"\nsend: {send}, p = {answer.decision.p:.2f}", style="bold")
        said.append(f" (from {answer.decision.threshold:.2f})", style="dim")
    console.print(said)
    table = Table()
    table.add_column("#", justify="right")
    for heading in ("sticker", "id"):
        table.add_column(heading, overflow="fold")
    scorers = list(picks[0].scores) if picks else []
    for heading in ("score", *scorers):
        table.add_column(heading, justify="right")
    for pick in picks:
        sticker = pick.sticker
        numbers = [f"{pick.score:.4f}", *(f"{pick.scores[name]:.3f}" for name in scorers)]
        cells = [str(pick.rank), visible(sticker.label), visible(sticker.id), *numbers]
        table.add_row(*(Text(cell) for cell in cells))
    console.print(table)
