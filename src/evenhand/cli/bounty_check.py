"""evenhand bounty check: what a hold-out can prove, before anybody hunts."""

from typing import TYPE_CHECKING, Annotated

import typer

from evenhand.cli.bounty_places import Home, StoreUrl, kept
from evenhand.cli.terminal import say
from evenhand.core.errors import SpecError

if TYPE_CHECKING:
    from evenhand.core.bounty import Bounty


def check(
    name: Annotated[str, typer.Argument(help="The name of a bounty.")],
    right: Annotated[
        float, typer.Option(help="Of the answers that a hunter changes and that matter, the share changed for better.")
    ] = 0.75,
    home: Home = None,
    store_url: StoreUrl = None,
) -> None:
    """Say what the hold-out can prove: the smallest gain in a group of each size, at first and after some finds."""
    from evenhand.bounty.proving.holdout import CHECK, opened

    if not 0.5 < right <= 1:
        raise SpecError(
            "--right is a share above 0.5 and at most 1: of all answers that are changed, those for better."
        )
    place = kept(name, store_url, home).known()
    bounty, holdout = opened(place.folder)
    rows = len(holdout.rows(CHECK))
    say(f"{bounty.name}: {rows:,} rows prove, with {bounty.checker} at an error of {bounty.delta:g} for everything.")
    _table(bounty, rows, right)


def sentence(bounty: "Bounty", rows: int) -> str:
    """What the first find has to show in a group of a tenth, in words."""
    from evenhand.bounty.proving.power import provable

    _, lines = provable(bounty, rows, right=0.75)
    tenth = next(line for line in lines if line.share == 0.1)
    if tenth.gains[0] is None:
        return "In a group of a tenth of the rows nothing could be proven; give more rows, or a smaller budget."
    return (
        f"In a group of a tenth of the rows, the first find must lower the loss by about {tenth.gains[0]:.3f},"
        " if 3 of 4 answers that it changes are changed for the better."
    )


def _table(bounty: "Bounty", rows: int, right: float) -> None:
    from rich.console import Console
    from rich.table import Table

    from evenhand.bounty.proving.power import provable

    moments, lines = provable(bounty, rows, right=right)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("group", "rows", *(_moment(accepted) for accepted in moments)):
        table.add_column(heading, justify="right", no_wrap=True)
    for line in lines:
        gains = ("never" if gain is None else f"{gain:.3f}" for gain in line.gains)
        table.add_row(f"{line.share:.0%}", f"{line.rows:,}", *gains)
    say(
        f"By how much the loss of a group must fall, if {right:.0%} of the answers that change it do so for the better:"
    )
    Console(highlight=False).print(table)
    say("'never': not even the best answers would prove it on so few rows.")


def _moment(accepted: int) -> str:
    return "first find" if accepted == 0 else f"after {accepted} find{'s' if accepted > 1 else ''}"
