"""The command's frame: subcommands, errors and exit codes.

Results go to stdout, talk to stderr. Exit code 0: done; 2: bad input or a state that needs the user, told in
one line; 130: interrupted.
"""

import logging
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from retriever.cli import (
    analyse,
    average,
    chat,
    data,
    demo,
    describe,
    doctor,
    evaluate,
    fuse,
    index,
    infer,
    pick,
    report,
    score,
    starter,
    train,
)
from retriever.errors import StickerError

app = typer.Typer(
    name="sticker",
    help="Pick the sticker a person would send.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"sticker-retriever {version('sticker-retriever')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what happens, on stderr.")] = False,
) -> None:
    """Pick the sticker a person would send."""
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)


app.command("index")(index.index)
app.command("describe")(describe.describe)
app.command("infer")(infer.infer)
app.command("pick")(pick.pick)
app.command("eval")(evaluate.evaluate)
app.command("report")(report.report)
app.command("score")(score.score)
app.command("fuse")(fuse.fuse)
app.command("train")(train.train)
app.command("average")(average.average)
app.command("analyse")(analyse.analyse)
app.command("chat")(chat.chat)
app.add_typer(data.app)
app.command("doctor")(doctor.doctor)
app.command("starter")(starter.starter)
app.command("demo")(demo.demo)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; gives its exit code.

    Args:
        argv: the words after ``sticker``; None takes the process's own.
    """
    try:
        result: Any = app(
            args=None if argv is None else list(argv), prog_name="sticker", standalone_mode=False
        )
        if result == 130:  # typer makes that of Ctrl-C
            return _stopped()
        return result if isinstance(result, int) else 0
    except StickerError as error:
        return _fail(str(error))
    except typer.TyperException as error:
        text = error.format_message() if hasattr(error, "format_message") else str(error)
        return _fail(f"{text} (see `sticker --help`)")
    except (typer.Abort, KeyboardInterrupt):
        return _stopped()
    except BrokenPipeError:  # `sticker ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a file where a folder is needed, no permission, a full disk
        logging.getLogger(__name__).debug("", exc_info=True)
        place = error.filename2 or error.filename  # of a rename, where it goes
        return _fail(f"{place}: {error.strerror}" if place else str(error))


def _stopped() -> int:
    typer.echo("sticker: stopped; run the same command again to go on", err=True)
    return 130


def _fail(text: str) -> int:
    typer.echo("sticker: " + " ".join(text.split()), err=True)
    return 2
