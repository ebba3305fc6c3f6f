"""Commands: a program of any language reads rows on its standard input and writes an answer a line."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

import numpy as np

from evenhand.core.errors import SpecError
from evenhand.models.loaded import LoadedModel
from evenhand.models.remote.answer_places import Places
from evenhand.models.remote.cells import cells_of
from evenhand.models.remote.endpoint import check_seconds
from evenhand.models.remote.payloads import ContentType, Payload
from evenhand.models.remote.programs import Running, run_once
from evenhand.models.remote.replies import Reply, joined, read_reply
from evenhand.models.remote.replying import from_replies

PREFIX = "command:"
_TYPES: dict[str, ContentType] = {"csv": "text/csv", "jsonlines": "application/jsonlines"}


@dataclass(frozen=True)
class Command:
    """A program and its arguments, never run by a shell.

    It reads CSV (with a header, unless `header` is False) or JSON Lines (an object a row; a list where the columns have
    no names; or as `record_template` says) on standard input, and writes one line a row on standard output: a label, a
    number, or one probability a class, in the same format. `probability`, `label` and `classes` are as for `Endpoint`.

    It is started anew for every `batch` rows and has `timeout` seconds for each. With `keep_running` it is started once
    and must flush every answer before it reads on; `timeout` is then for one batch of rows.

    Raises SpecError for options that make no sense.
    """

    arguments: Sequence[str]
    _: KW_ONLY
    format: Literal["csv", "jsonlines"] = "csv"
    header: bool | None = None
    record_template: str | None = None
    probability: str | int | None = None
    label: str | int | None = None
    classes: Sequence[Any] | None = None
    features: Sequence[str] | None = None
    batch: int = 50_000
    timeout: float = 600.0
    keep_running: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.arguments, str) or not self.arguments:
            raise SpecError(
                f"A command is a list such as ['python', 'model.py'], not {self.arguments!r};"
                f" as text it is '{PREFIX} python model.py'."
            )
        if not all(isinstance(part, str) and "\0" not in part for part in self.arguments):
            raise SpecError("The parts of a command are texts.")
        if self.format not in _TYPES:
            raise SpecError(f"format {self.format!r} is not one of {', '.join(_TYPES)}.")
        if not isinstance(self.batch, int) or isinstance(self.batch, bool) or self.batch < 1:
            raise SpecError(f"batch is a whole number of rows of at least 1, not {self.batch!r}.")
        for option in ("features", "classes"):
            if isinstance(getattr(self, option), str):
                raise SpecError(f"{option} is a list, not the text {getattr(self, option)!r}.")
        if (
            self.keep_running
            and (isinstance(self.label, str) or isinstance(self.probability, str))
            and self.format == "csv"
        ):
            raise SpecError("A program that keeps running writes no header; say label and probability as numbers.")
        check_seconds(self.timeout)
        _ = self.payload(named=True), self.places

    @property
    def name(self) -> str:
        """The program and its arguments, as one would type them."""
        return shlex.join(self.arguments)

    @property
    def places(self) -> Places:
        """Where answers stand."""
        classes = None if self.classes is None else tuple(self.classes)
        return Places(_TYPES[self.format], self.probability, self.label, classes)

    def payload(self, *, named: bool) -> Payload:
        """How rows are written, where their columns have names or have none."""
        if self.format == "csv":
            return Payload("text/csv", None, self.record_template, header=named and self.header is not False)
        return Payload(
            _TYPES[self.format],
            self.record_template or ("$features_kvp" if named else "$features"),
            None,
            bool(self.header),
        )


def parsed_command(text: str) -> Command:
    """The command in a text such as `command: python model.py`; quotes are read as in a shell, nothing else is."""
    try:
        arguments = shlex.split(text.removeprefix(PREFIX), posix=os.name == "posix")
    except ValueError as error:
        raise SpecError(f"The command {text!r} does not parse: {error}.") from error
    if not arguments:
        raise SpecError(f"The command {text!r} names no program, such as '{PREFIX} python model.py'.")
    return Command(arguments)


def from_command(command: Command, classes: tuple[Any, ...] | None = None) -> LoadedModel:
    """The model that this program is; nothing is started before it is asked."""
    features = None if command.features is None else tuple(command.features)
    places = Places(command.places.accept, command.probability, command.label, classes or command.places.classes)
    ask = _Asking(command, places, features)
    return from_replies(command.name, ask, places, features=features, original=command)


class _Asking:
    """Rows in, one reply for all of them out."""

    def __init__(self, command: Command, places: Places, features: tuple[str, ...] | None) -> None:
        self._command, self._places, self._features = command, places, features
        self._running = Running(tuple(command.arguments), command.timeout) if command.keep_running else None

    def __reduce__(self) -> tuple[Any, ...]:
        # A running program stays here; another process starts its own.
        return _Asking, (self._command, self._places, self._features)

    def __call__(self, rows: Any) -> Reply:
        command = self._command
        cells = cells_of(rows, self._features, command.name)
        if cells.height == 0:
            return Reply(None, np.empty(0))
        layout = command.payload(named=cells.names is not None).layout(cells.names, len(cells.columns), command.name)
        replies = []
        for first in range(0, cells.height, command.batch):
            last = min(first + command.batch, cells.height)
            lines = layout.records(cells, first, last)
            where = f"rows {first + 1:,} to {last:,}"
            if self._running is not None:
                written = self._running.ask(layout.start, lines, where)
            else:
                written = run_once(tuple(command.arguments), layout.body(lines) + b"\n", command.timeout, where)
            source = f"The program {command.name} answered {where} wrongly"
            replies.append(read_reply(written, self._places.accept, self._places, last - first, source))
        return joined(replies, f"The program {command.name}")
