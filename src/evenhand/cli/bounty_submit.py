"""evenhand bounty submit: a group, and better answers for it, to a bounty here or on a server."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evenhand.cli.bounty_places import Home, Kept, KeyFile, Names, StoreUrl, asked, kept
from evenhand.cli.bounty_print import SAID
from evenhand.cli.terminal import FindingsFound, say, shown_progress
from evenhand.core.errors import SpecError
from evenhand.core.visible import visible

if TYPE_CHECKING:
    from evenhand.core.bounty import Kind, State

MOST_GROUP = 2**16


@dataclass(frozen=True)
class Sending:
    """What is handed in: a group as JSON, and a file."""

    kind: "Kind"
    group: bytes
    file: Path


def submit(
    names: Names,
    group: Annotated[str, typer.Option(help="A file of JSON, or a text such as 'sex=Female & age<25'.")],
    team: Annotated[str | None, typer.Option(help="Who hands it in; on a server, the team of the key.")] = None,
    predictions: Annotated[
        Path | None, typer.Option(help="Parquet or CSV: the id, and `prediction` or a column for each class.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="A model (.onnx, .skops, .ubj, .json, .txt) of the features.")
    ] = None,
    code: Annotated[
        Path | None, typer.Option(help="Python that defines predict(rows), where the bounty takes code.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="On a server, wait for the verdict.")] = False,
    seconds: Annotated[float, typer.Option(min=0, help="With --wait, for how long.")] = 600.0,
    key_file: KeyFile = None,
    home: Home = None,
    store_url: StoreUrl = None,
) -> None:
    """Hand in a group and better answers for it. A bounty of this machine judges it at once.

    Exits 0 when it is accepted, or handed in without --wait; 2 when it is refused; 1 when it failed, on errors, and
    when there is no verdict in time.
    """
    sending = _sending(group, {"predictions": predictions, "model": model, "code": code})
    address, name = asked(names)
    if address is not None:
        state, told = _sent(address, name, sending, key_file, seconds if wait else None)
        if state == "waiting" and not wait:
            say(told)
            return
    else:
        if team is None:
            raise SpecError("Say who hands it in: --team A.")
        state, told = _judged(kept(name, store_url, home), team, sending)
    say(f"{SAID[state]}: {visible(told)}")
    end_as(state)


def end_as(state: "State") -> None:
    """Exit as a submission ended: 0 for accepted, 2 for refused, 1 for anything else."""
    if state == "refused":
        raise FindingsFound
    if state != "accepted":
        raise typer.Exit(1)


def _sending(group: str, files: "dict[Kind, Path | None]") -> Sending:
    given = [(kind, file) for kind, file in files.items() if file is not None]
    if len(given) != 1:
        raise SpecError("Give one of --predictions, --model and --code.")
    [(kind, file)] = given
    if not file.is_file():
        raise SpecError(f"There is no file {str(file)!r} to hand in.")
    return Sending(kind, group_of(group), file)


def group_of(text: str) -> bytes:
    """A group as JSON: the content of a file, or the text form as it stands; raises SpecError."""
    import json

    path = Path(text)
    if path.suffix.lower() != ".json":
        return json.dumps(text).encode()
    try:
        with path.open("rb") as file:
            return file.read(MOST_GROUP + 1)
    except OSError as error:
        raise SpecError(f"The group in {text!r} cannot be read: {error.strerror or error}.") from None


def _judged(place: Kept, team: str, sending: Sending) -> "tuple[State, str]":
    """Hand it in here, and judge all that waits up to it."""
    from evenhand.bounty.alone import group_read, handed_in_here
    from evenhand.bounty.sandbox import Sandbox
    from evenhand.bounty.taking import Sent

    place.store.bounty(place.name)
    with Sandbox() as sandbox, shown_progress() as progress:
        if progress is not None:
            progress("judging", 0, 1)
        running = place.running(sandbox)
        group = group_read(sending.group, running.bounty, running.holdout)
        verdict = handed_in_here(running, Sent(team, sending.kind, group, sending.file))
    return verdict.state, verdict.told


def _sent(
    address: str, name: str, sending: Sending, key_file: Path | None, seconds: float | None
) -> "tuple[State, str]":
    raise NotImplementedError
