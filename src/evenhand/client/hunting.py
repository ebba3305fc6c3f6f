"""Hunting: bounties of a server from Python — join, download, hand in, hear how it ended, and what owners do."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import quote

from evenhand.client.answers import Answers, Refusal
from evenhand.core.bounty import Kind, State
from evenhand.core.errors import DataError, SpecError
from evenhand.core.group import Group
from evenhand.core.writing import write_whole

_WAIT = 25.0  # seconds that one request waits for a verdict
_BYTES = {"Content-Type": "application/octet-stream"}


class Hunting:
    """The verbs of bounties; part of Client."""

    _answers: Answers

    def bounties(self) -> list[str]:
        """The names of all bounties."""
        found: list[str] = self._answers.json("GET", "/api/bounties")
        return found

    def bounty(self, name: str) -> dict[str, Any]:
        """The rules of a bounty, what remains of it, and the version of its model."""
        found: dict[str, Any] = self._answers.json("GET", _path(name))
        return found

    def teams(self, name: str) -> list[dict[str, Any]]:
        """The teams of a bounty, in the order in which they joined."""
        found: list[dict[str, Any]] = self._answers.json("GET", _path(name, "teams"))
        return found

    def join(self, name: str, team: str, *, invitation: str | None = None) -> str | None:
        """Join a bounty as a team, for which this key speaks; with an invitation, the text of a new key that does."""
        wanted = {"team": team, "invitation": invitation}
        key = self._answers.json("POST", _path(name, "teams"), json=wanted, repeatable=False)["key"]
        return None if key is None else str(key)

    def download(self, name: str, folder: str | Path) -> list[Path]:
        """Write public.parquet (a sample with labels, where there is one) and hidden.parquet (ids and features)."""
        written = []
        for which in ("public", "hidden"):
            try:
                content = self._answers.answer("GET", _path(name, "files", which)).content
            except Refusal as refusal:
                if which == "public" and refusal.status == 404 and "hands out no" in str(refusal):
                    continue
                raise
            target = Path(folder) / f"{which}.parquet"
            target.parent.mkdir(parents=True, exist_ok=True)
            write_whole(target, content)
            written.append(target)
        return written

    def submit(
        self,
        name: str,
        group: Any,
        *,
        predictions: Any = None,
        model: str | Path | None = None,
        code: str | Path | None = None,
        wait: bool = False,
        seconds: float = 600.0,
    ) -> dict[str, Any]:
        """Hand in a group (text, a tree of predicates, or a Group) and better answers for it; how it stands.

        `predictions` are a file, bytes of Parquet or CSV, or a table with the ids. With `wait`, how it ended, or how it
        stands after so many seconds. What was handed in before is handed in once: then it is the earlier one.
        """
        kind, content, file = _content({"predictions": predictions, "model": model, "code": code})
        sent = self._answers.json("PUT", _path(name, "payloads"), content=content, headers=_BYTES)
        tree = str(group) if isinstance(group, Group) else group
        wanted = {"group": tree, "kind": kind, "payload": sent["payload"], "name": file}
        try:
            number = int(self._answers.json("POST", _path(name, "submissions"), json=wanted)["number"])
        except Refusal as refusal:
            earlier = _earlier(refusal)
            if earlier is None:
                raise
            number = earlier
        return self.submission(name, number, seconds=seconds if wait else 0.0)

    def submission(self, name: str, number: int, *, seconds: float = 0.0) -> dict[str, Any]:
        """A submission once it has ended, or as it is after so many seconds."""
        ends = time.monotonic() + seconds
        path = _path(name, "submissions", str(int(number)))
        while True:
            wait = max(0.0, min(_WAIT, ends - time.monotonic()))
            found: dict[str, Any] = self._answers.json("GET", path, params={"wait": round(wait, 2)})
            if found["state"] != "waiting" or time.monotonic() >= ends:
                return found

    def submissions(
        self, name: str, *, states: Sequence[State] = (), after: int = 0, most: int = 100
    ) -> list[dict[str, Any]]:
        """One's team's submissions in their order; for the owner those of all teams."""
        query = {"state": list(states), "after": after, "most": most}
        found: list[dict[str, Any]] = self._answers.json("GET", _path(name, "submissions"), params=query)
        return found

    def contest(self, name: str) -> dict[str, Any]:
        """Teams, finds, and the model's error, as everybody may see them; for the owner, what was measured too."""
        found: dict[str, Any] = self._answers.json("GET", _path(name, "contest"))
        return found

    def end(self, name: str) -> dict[str, Any]:
        """Have a bounty take no more submissions."""
        found: dict[str, Any] = self._answers.json("POST", _path(name, "end"))
        return found

    def export(self, name: str) -> list[dict[str, Any]]:
        """The whole log of a bounty: rules, teams, submissions with verdicts, and the contest."""
        text = self._answers.answer("GET", _path(name, "export")).text
        return [cast(dict[str, Any], json.loads(line)) for line in text.splitlines()]

    def model(self, name: str, file: str | Path, *, version: int | None = None) -> Path:
        """Write the model of a bounty as a zip archive of its folder, by default the newest version."""
        query = {} if version is None else {"version": int(version)}
        content = self._answers.answer("GET", _path(name, "model"), params=query).content
        write_whole(Path(file), content)
        return Path(file)


def join(address: str, name: str, team: str, *, invitation: str, timeout: float = 60.0) -> str:
    """Join a bounty of a server with its invitation; the text of the team's new API key, which is shown this once.

    Raises Refusal where the server turns it away, and DataError where it does not answer.
    """
    answers = Answers(address, None, timeout=timeout, retries=3, transport=None)
    try:
        wanted = {"team": team, "invitation": invitation}
        return str(answers.json("POST", _path(name, "teams"), json=wanted, repeatable=False)["key"])
    finally:
        answers.close()


def _path(name: str, *parts: str) -> str:
    return "/".join(("/api/bounties", *(quote(each, safe="") for each in (name, *parts))))


def _earlier(refusal: Refusal) -> int | None:
    """The number of the submission that was the same, which a request that was sent again meets."""
    head, tail = "This is the same as submission ", str(refusal)
    if refusal.status != 409 or not tail.startswith(head):
        return None
    number = tail.removeprefix(head).partition(";")[0]
    return int(number) if number.isdecimal() else None


def _content(given: Mapping[Literal["predictions", "model", "code"], Any]) -> tuple[Kind, bytes, str]:
    """What kind of answers they are, their bytes, and the name of the file; raises SpecError and DataError."""
    named = [(kind, each) for kind, each in given.items() if each is not None]
    if len(named) != 1:
        raise SpecError("Give one of predictions=, model= and code=.")
    [(kind, each)] = named
    if isinstance(each, str | Path):
        try:
            return kind, Path(each).read_bytes(), Path(each).name
        except OSError as error:
            raise DataError(f"The file {str(each)!r} cannot be read: {error.strerror or error}.") from None
    if kind != "predictions":
        raise SpecError(f"Give {kind}= the path of a file.")
    return kind, each if isinstance(each, bytes) else _parquet(each), "predictions.parquet"


def _parquet(table: Any) -> bytes:
    import pyarrow
    from pyarrow import parquet

    try:
        found = pyarrow.table(table)
    except (TypeError, ValueError, pyarrow.ArrowException):
        raise DataError(
            f"A {type(table).__name__} is no table of predictions; give a file, or columns of ids and answers."
        ) from None
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(found, sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content
