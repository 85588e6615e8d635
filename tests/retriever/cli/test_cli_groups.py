from dataclasses import dataclass, field
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from retriever.cli.groups import grouped


@dataclass(frozen=True)
class Size:
    wide: Annotated[int, typer.Option(min=1, help="How wide.")] = 3
    high: Annotated[list[int] | None, typer.Option("--high", "-H")] = None


@dataclass(frozen=True)
class Box(Size):
    wide: Annotated[int, typer.Option(min=1, help="Width of the box.")] = 4
    deep: bool = False


def run(command, *words):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, list(words), env={"COLUMNS": "100"})


@grouped
def draw(*, name: Annotated[str, typer.Argument()], size: Size, box: bool = False) -> int:
    """Draw a thing."""
    typer.echo(f"{name} {size} {box}")
    return 0


def test_fields_are_options_with_their_defaults_and_limits():
    assert run(draw, "a").output == "a Size(wide=3, high=None) False\n"
    done = run(draw, "a", "--wide", "7", "-H", "1", "-H", "2", "--box")
    assert done.output == "a Size(wide=7, high=[1, 2]) True\n"
    assert run(draw, "a", "--wide", "0").exit_code == 2
    assert run(draw, "a", "--size", "0").exit_code == 2


def test_help_lists_them_where_the_group_stands():
    text = run(draw, "--help").output
    places = [text.index(word) for word in ("Draw a thing.", "--wide", "How wide.", "--high", "--box")]
    assert places == sorted(places)


def test_a_subclass_may_say_a_field_anew_and_it_keeps_its_place():
    @grouped
    def pack(*, box: Box) -> int:
        typer.echo(str(box))
        return 0

    assert run(pack).output == "Box(wide=4, high=None, deep=False)\n"
    text = run(pack, "--help").output
    assert "Width of the box." in text and "How wide." not in text
    assert text.index("--wide") < text.index("--high") < text.index("--deep")


def test_two_options_of_one_name_are_refused():
    with pytest.raises(TypeError, match="both has more than one option named: wide"):

        @grouped
        def both(*, size: Size, wide: int = 1) -> int:
            return 0


def test_a_field_without_a_plain_default_is_refused():
    @dataclass(frozen=True)
    class Bad:
        many: list = field(default_factory=list)

    def command(*, bad) -> int:
        return 0

    command.__annotations__["bad"] = Bad
    with pytest.raises(TypeError, match=r"Bad\.many has no default"):
        grouped(command)
