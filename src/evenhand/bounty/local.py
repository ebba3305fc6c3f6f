"""Local: a bounty in a folder of one's own, from Python: opened, hunted in and asked, as `evenhand bounty` does."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from evenhand.bounty.afterwards.card import card_of, render_card
from evenhand.bounty.afterwards.delivering import deliver
from evenhand.bounty.afterwards.findings import facets_of
from evenhand.bounty.contest.facts import Contest
from evenhand.bounty.contest.scoreboard import Scoreboard
from evenhand.bounty.judging.alone import group_read, handed_in_here
from evenhand.bounty.judging.merging import Merging
from evenhand.bounty.judging.replaying import Replayed, replayed
from evenhand.bounty.judging.running import Running, folder_of
from evenhand.bounty.judging.taking import Sent
from evenhand.bounty.proving.holdout import HIDDEN, PUBLIC
from evenhand.bounty.proving.opening import Opening, opened_in
from evenhand.bounty.submissions.sandbox import Sandbox
from evenhand.core.bounty import Bounty, Kind, Verdict
from evenhand.core.errors import SpecError, UnreadableSource
from evenhand.core.group import Group
from evenhand.core.store import Store
from evenhand.core.writing import write_whole
from evenhand.models import LoadedModel, load_model
from evenhand.stores import open_store

_TABLES = (".parquet", ".csv")


class LocalBounty:
    """A bounty below a folder; whoever can write there is its owner, and every team."""

    def __init__(self, home: str | Path, name: str) -> None:
        """Open one that is there; raises EvenhandError."""
        self.home = Path(home)
        self.store = _store(self.home)
        self.store.bounty(name)
        self.folder = folder_of(self.home / "monitors", name)
        self._sandbox = Sandbox()
        self._running = Running(self.store, self.folder, self._sandbox)
        self._scoreboard = Scoreboard(self.store, self.folder, self._sandbox)

    @classmethod
    def create(cls, home: str | Path, opening: Opening) -> "LocalBounty":
        """Make a new one; raises EvenhandError. Its rules do not change any more."""
        store = _store(Path(home))
        if opening.name in store.bounties():
            raise SpecError(f"There is a bounty {opening.name!r} already; its rules stay. Take another name.")
        opened = opened_in(folder_of(Path(home) / "monitors", opening.name), opening)
        store.open_bounty(opened.bounty, invitation=None)
        return cls(home, opening.name)

    @property
    def rules(self) -> Bounty:
        """What was settled when it opened."""
        return self._running.bounty

    @property
    def public(self) -> Any:
        """The labelled sample for hunters, as an Arrow table; raises UnreadableSource where nothing is public."""
        return self._table(PUBLIC)

    @property
    def hidden(self) -> Any:
        """Ids and features of the rows whose labels stay hidden, as an Arrow table."""
        return self._table(HIDDEN)

    def submit(self, group: str | Group, answers: Any, *, team: str) -> Verdict:
        """Hand in a group and better answers for it, and judge them.

        `answers` is a file of predictions or of a model, or a table of ids and predictions, or one answer a row of
        `hidden`. Raises EvenhandError where it is not taken; what cannot be read is a verdict.
        """
        read = group_read(json.dumps(str(group), ensure_ascii=False).encode(), self.rules, self._running.holdout)
        with tempfile.TemporaryDirectory(prefix="evenhand-answers-") as folder:
            file = answers if isinstance(answers, str | Path) else self._written(answers, Path(folder))
            if not Path(file).is_file():
                raise SpecError(f"There is no file {str(file)!r} to hand in.")
            return handed_in_here(self._running, Sent(team, _kind(Path(file)), read, Path(file)))

    def contest(self) -> Contest:
        """Leaderboard, finds, errors of groups, heat map and time line now, and what the owner alone sees."""
        return self._scoreboard.contest(owner=True)

    def facets(self) -> tuple[str, ...]:
        """The accepted groups, as audits and monitors take them."""
        return facets_of(self.store, self.rules.name)

    def model(self, out: str | Path, *, version: int | None = None) -> LoadedModel:
        """Write the model of a version, by default the newest, to a new folder, with its history and card; load it."""
        deliver(self.folder, self.store, Path(out), sandbox=self._sandbox, version=version)
        return load_model(out)

    def card(self, out: str | Path) -> None:
        """Write what was found, by whom, and what changed, as a page."""
        merging = Merging(self.rules, self._running.holdout, self.folder, self._sandbox).take_up(self.store)
        write_whole(Path(out), render_card(card_of(self.store, merging, None)))

    def replay(self) -> Replayed:
        """Judge everything again from the files; raises DataError at the first verdict that differs by a bit."""
        return replayed(self.store, self.folder, self._sandbox)

    def close(self) -> None:
        """End the process that reads what was handed in."""
        self._sandbox.close()

    def __enter__(self) -> "LocalBounty":
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _table(self, file: str) -> Any:
        from pyarrow import parquet

        if not (self.folder / file).is_file():
            raise UnreadableSource(f"The bounty {self.rules.name!r} has no {file}.")
        return parquet.read_table(self.folder / file)

    def _written(self, answers: Any, folder: Path) -> Path:
        """Answers as a file of predictions."""
        from pyarrow import parquet

        parquet.write_table(self._answers(answers), folder / "predictions.parquet")
        return folder / "predictions.parquet"

    def _answers(self, answers: Any) -> Any:
        """A table of ids and predictions."""
        import narwhals
        import pyarrow

        if isinstance(answers, Mapping):
            return pyarrow.table({name: pyarrow.array(np.asarray(values)) for name, values in answers.items()})
        frame = narwhals.from_native(answers, eager_only=True, pass_through=True)
        if isinstance(frame, narwhals.DataFrame):
            return frame.to_arrow()
        values, hidden = np.asarray(answers), self.hidden
        if values.shape != (hidden.num_rows,):
            raise SpecError(
                f"There are {hidden.num_rows:,} hidden rows; give one answer for each, or a table with ids."
            )
        return pyarrow.table({self.rules.identity: hidden[self.rules.identity], "prediction": values})


def _store(home: Path) -> Store:
    home.mkdir(parents=True, exist_ok=True)
    return open_store(f"sqlite:///{home.absolute() / 'evenhand.db'}")


def _kind(file: Path) -> Kind:
    if file.suffix.lower() == ".py":
        return "code"
    return "predictions" if file.suffix.lower() in _TABLES else "model"
