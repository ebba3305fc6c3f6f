"""evenhand bounty submit: a group, and better answers for it, to a bounty here or on a server."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evenhand.cli.bounty_places import Home, Kept, KeyFile, Names, StoreUrl, asked, client_of, kept
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
    group: Annotated[str, typer.Option(help="A file that ends in .json, or a text such as 'sex=Female & age<25'.")],
    team: Annotated[str | None, typer.Option(help="Who hands it in; at a server, the key says so.")] = None,
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
    else:
        if team is None:
            raise SpecError("Say who hands it in: --team A.")
        state, told = _judged(kept(name, store_url, home).known(), team, sending)
    say(f"{SAID[state]}: {visible(told)}")
    if state == "refused":
        raise FindingsFound
    if state == "failed" or (state == "waiting" and wait):
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
    from evenhand.bounty.judging.alone import group_read, handed_in_here
    from evenhand.bounty.judging.taking import Sent
    from evenhand.bounty.submissions.sandbox import Sandbox

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
    """Hand it in at a server; the verdict, or what to wait for. Without `seconds` nothing is waited for."""
    import json

    given = {sending.kind: sending.file}
    try:
        group = json.loads(sending.group)
    except (ValueError, RecursionError):
        raise SpecError("The group is no JSON; write it as docs/bounties.md says, or as text.") from None
    with client_of(address, key_file) as client:
        found = client.submit(name, group, **given, wait=seconds is not None, seconds=seconds or 0.0)
    return found["state"], str(found["told"]) or f"It is number {found['number']}, and waits for its verdict."
