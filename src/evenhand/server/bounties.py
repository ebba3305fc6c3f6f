"""Bounties: the rules, the log and the scoreboard of each bounty, as a server's routes and pages need them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from evenhand.core.bounty import Bounty, Team
from evenhand.core.errors import DataError, UnreadableSource
from evenhand.core.store import Handed, Store
from evenhand.core.values import Kind
from evenhand.server.problems import Refused
from evenhand.server.standing import Standing

if TYPE_CHECKING:
    from evenhand.bounty.contest.scoreboard import Scoreboard
    from evenhand.bounty.submissions.sandbox import Sandbox


@dataclass
class _Kept:
    """What is remembered of a bounty, whose rules and files do not change."""

    rules: Bounty
    standing: Standing
    lock: Lock = field(default_factory=Lock)
    kinds: dict[str, Kind] | None = None
    scoreboard: "Scoreboard | None" = None


class Bounties:
    """The bounties of a store whose folders lie below a server's home; threads may share it."""

    def __init__(self, store: Store, home: Path) -> None:
        self.store = store
        self.home = home
        self._lock = Lock()
        self._kept: dict[str, _Kept] = {}
        self._sandbox: Sandbox | None = None

    def rules(self, name: str) -> Bounty:
        """The rules; raises Refused (404) naming the bounties there are."""
        return self._known(name).rules

    def folder(self, name: str) -> Path:
        """Where its files lie."""
        from evenhand.bounty.judging.running import folder_of

        return folder_of(self.home, self.rules(name).name)

    def kinds(self, name: str) -> dict[str, Kind]:
        """What the columns hold that groups may use; raises UnreadableSource."""
        kept = self._known(name)
        if kept.kinds is None:
            kept.kinds = _kinds(self.folder(name), kept.rules)
        return kept.kinds

    def standing(self, name: str) -> Standing:
        """How far the log is now."""
        kept = self._known(name)
        with kept.lock:
            kept.standing.catch_up(self.store)
        return kept.standing

    def over(self, name: str) -> str | None:
        """Why the bounty takes no more submissions; None while it does."""
        rules = self.rules(name)
        _, ended = self.store.bounty_times(name)
        if ended is not None:
            return f"The bounty {name!r} has ended; it takes nothing more."
        if rules.closes is not None and datetime.now(UTC) >= rules.closes:
            return f"The bounty {name!r} closed at {rules.closes.isoformat()}; it takes nothing more."
        return self.standing(name).closed(rules)

    def team(self, name: str, key: int | None) -> Team:
        """The team that a key speaks for; raises Refused (403)."""
        found = self.store.team_of(self.rules(name).name, key) if key is not None else None
        if found is None:
            raise Refused(403, f"Your key speaks for no team of the bounty {name!r}; join it first.")
        return found

    def handed(self, name: str, number: int) -> Handed | None:
        """One submission."""
        found = self.store.handed_in(name, after=number - 1, most=1)
        return found[0] if found and found[0].submission.number == number else None

    def scoreboard(self, name: str) -> "Scoreboard":
        """The contest, kept up to date; raises EvenhandError where its folder cannot be opened."""
        from evenhand.bounty.contest.scoreboard import Scoreboard

        kept, folder = self._known(name), self.folder(name)
        with kept.lock:
            if kept.scoreboard is None:
                kept.scoreboard = Scoreboard(self.store, folder, self.sandbox())
            return kept.scoreboard

    def sandbox(self) -> "Sandbox":
        """The process in which files of accepted submissions are read again."""
        from evenhand.bounty.submissions.sandbox import Sandbox

        with self._lock:
            self._sandbox = self._sandbox or Sandbox()
            return self._sandbox

    def close(self) -> None:
        """End the process that handles strangers' files."""
        if self._sandbox is not None:
            self._sandbox.close()

    def _known(self, name: str) -> _Kept:
        found = self._kept.get(name)
        if found is None:
            try:
                rules = self.store.bounty(name)
            except DataError as error:
                raise Refused(404, str(error)) from None
            with self._lock:
                found = self._kept.setdefault(name, _Kept(rules, Standing(name)))
        return found


def _kinds(folder: Path, rules: Bounty) -> dict[str, Kind]:
    """Of the file's description alone: the rows may be millions."""
    import pyarrow
    from pyarrow import parquet, types

    from evenhand.bounty.proving.holdout import HIDDEN

    try:
        schema = parquet.read_schema(folder / HIDDEN)
    except (OSError, pyarrow.ArrowException) as error:
        raise UnreadableSource(f"The files of the bounty {rules.name!r} are not here: {error}") from None

    def kind(of: "pyarrow.DataType") -> Kind:
        if types.is_boolean(of):
            return "boolean"
        if types.is_integer(of) or types.is_floating(of):
            return "number"
        texts = (types.is_string, types.is_large_string, types.is_string_view, types.is_null)
        return "text" if any(each(of) for each in texts) else "other"

    return {name: kind(schema.field(name).type) for name in rules.features}
