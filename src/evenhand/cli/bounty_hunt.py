"""evenhand bounty hunt: what an automatic hunter would find, for the owner before a bounty opens."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from evenhand.cli import bounty_options as chosen
from evenhand.cli import options
from evenhand.cli.terminal import FindingsFound, say, shown_progress
from evenhand.core.visible import visible

if TYPE_CHECKING:
    from evenhand.bounty.hunting import Expected


def hunt(
    data: Annotated[str, typer.Argument(help="A table with labels, which no hold-out uses later.")],
    label: Annotated[str, typer.Option(help="The column of truth.")],
    model: options.Model = None,
    predicted_label: chosen.PredictedLabel = None,
    id: chosen.Identity = None,  # noqa: A002
    feature: chosen.Features = None,
    loss: chosen.Loss = "zero-one",
    by: Annotated[str | None, typer.Option(help="Hunters, with commas. [default: all]")] = None,
    delta: Annotated[float, typer.Option(help="The planned bounty's chance of any false acceptance.")] = 0.05,
    budget: Annotated[int, typer.Option(help="The planned bounty's scored submissions.")] = 1000,
    accept_at_most: Annotated[int, typer.Option(help="The planned bounty's finds at most.")] = 20,
    seed: Annotated[int, typer.Option(help="The seed of everything random.")] = 0,
    trust_pickle: options.TrustPickle = False,
) -> None:
    """Let automatic hunters loose on rows of your own, and see what they find and how many rows would prove it.

    Exits 0 when nothing is found, 2 when something is, 1 on errors.
    """
    from evenhand.bounty.hunting import HUNTERS, rehearse
    from evenhand.bounty.proving.opening import Opening
    from evenhand.core.loss import Loss

    rules = {"loss": Loss.parse(loss), "delta": delta, "budget": budget, "accept_at_most": accept_at_most}
    opening = Opening(
        name="rehearsal", data=data, label=label, model=model, predicted=tuple(predicted_label or ()), identity=id,
        features=tuple(feature or ()), trust_pickle=trust_pickle, rules=rules,
    )  # fmt: skip
    hunters = tuple(HUNTERS) if by is None else tuple(name.strip() for name in by.split(","))
    with shown_progress() as progress:
        if progress is not None:
            progress("hunting", 0, 1)
        found = rehearse(opening, seed=seed, by=hunters)  # type: ignore[arg-type] # it refuses other names
    _print(found)
    if found:
        raise FindingsFound


def _print(found: "Sequence[Expected]") -> None:
    for each in found:
        say(
            visible(
                f"{each.group} ({each.how}): {each.rows:,} rows, whose loss falls from {each.before:.3f} to"
                f" {each.after:.3f} on rows not learnt from; over all rows by {each.gain:.4f} ({each.low:.4f} to"
                f" {each.high:.4f}). {_needed(each.rows_to_prove)}"
            )
        )
    if not found:
        say("The hunters found no group that could be served better beyond chance.")


def _needed(rows: int | None) -> str:
    if rows is None:
        return "No bounty has rows enough to prove it."
    return f"A bounty needs {rows:,} rows of proof for it to be the first find."
