"""evenhand monitor new: a commented definition to begin with, from a table or an audit file."""

from pathlib import Path
from typing import Annotated

import typer

from evenhand.cli import options
from evenhand.cli.terminal import say


def new(
    data: Annotated[str, typer.Argument(help="A table of past predictions, with labels; or an audit file (.yaml).")],
    name: Annotated[str, typer.Option(help="What the monitor is called.")],
    label: options.Label = None,
    positive: Annotated[list[str] | None, typer.Option(help="A favourable label value; repeat for more.")] = None,
    predicted_label: Annotated[str | None, typer.Option(help="The column of predictions, or a condition.")] = None,
    score: Annotated[str | None, typer.Option(help="The column of scores.")] = None,
    facet: options.Facets = None,
    id: Annotated[str | None, typer.Option(help="The column of ids. [default: id]")] = None,  # noqa: A002
    time: Annotated[str | None, typer.Option(help="The column of times. [default: time]")] = None,
    write: Annotated[Path | None, typer.Option(help="The file to write. [default: NAME.yaml]")] = None,
) -> None:
    """Write a commented definition from a table or an audit file, ready for `monitor add`."""
    from evenhand.cli.beginning import Wishes, begun

    wishes = Wishes(
        name=name, label=label, positive=tuple(positive or ()), predicted_label=predicted_label, score=score,
        facets=tuple(facet or ()), id=id, time=time,
    )  # fmt: skip
    place = write or Path(f"{name}.yaml")
    for line in begun(data, wishes, place):
        say(line)
