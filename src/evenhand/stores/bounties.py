"""Bounties: rules, teams, and the log of submissions, in which nothing is ever changed but what waits."""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from evenhand.core.bounty import Bounty, State, Submission, Team, Verdict
from evenhand.core.errors import DataError, suggestion
from evenhand.core.store import Handed
from evenhand.stores.database import Database, inserting, read_back
from evenhand.stores.tables import bounties, submissions, teams


class Bounties(Database):
    """The bounties that a store keeps."""

    def open_bounty(self, bounty: Bounty, *, invitation: str | None = None) -> None:
        """Keep the rules, which do not change any more; raises DataError where one of this name is there."""
        row = {"name": bounty.name, "definition": bounty.model_dump_json(), "invitation": _hidden(invitation)}
        with self._writing() as connection:
            new = inserting(connection, bounties).values(**row, opened=self._now(connection))
            if not _kept(connection, new, bounties.c.name):
                raise DataError(f"There is a bounty {bounty.name!r} already; its rules stay. Take another name.")

    def bounty(self, name: str) -> Bounty:
        """The rules; raises DataError naming the bounties there are."""
        with self._reading() as connection:
            return read_back(Bounty, str(_row(connection, name).definition))

    def bounties(self) -> Sequence[str]:
        """The names, sorted."""
        with self._reading() as connection:
            return sorted(connection.execute(sa.select(bounties.c.name)).scalars())

    def bounty_times(self, name: str) -> tuple[datetime, datetime | None]:
        """When it was opened, and when it was ended; raises DataError."""
        with self._reading() as connection:
            row = _row(connection, name)
            return row.opened, row.ended

    def end_bounty(self, name: str) -> None:
        """Take no more submissions; those that wait are still judged. Raises DataError."""
        with self._writing() as connection:
            _row(connection, name)
            over = sa.update(bounties).where(bounties.c.name == name, bounties.c.ended.is_(None))
            connection.execute(over.values(ended=self._now(connection)))

    def invited(self, name: str, invitation: str) -> bool:
        """Whether this is the invitation of the bounty, compared in constant time; raises DataError."""
        with self._reading() as connection:
            kept = _row(connection, name).invitation
        return kept is not None and hmac.compare_digest(str(kept), str(_hidden(invitation)))

    def join(self, bounty: str, team: str, key: int | None) -> Team:
        """A new team, for which this API key speaks; raises DataError where name or key is taken."""
        with self._writing() as connection:
            _row(connection, bounty)
            joined = self._now(connection)
            new = inserting(connection, teams).values(bounty=bounty, name=team, joined=joined, key=key)
            if not _kept(connection, new, teams.c.name):
                raise DataError(f"The team {team!r}, or a team of this key, is in {bounty} already; take another name.")
            return Team(name=team, joined=joined, key=key)

    def teams(self, bounty: str) -> Sequence[Team]:
        """In the order in which they joined."""
        query = sa.select(teams).where(teams.c.bounty == bounty).order_by(teams.c.joined, teams.c.name)
        with self._reading() as connection:
            return [Team(name=row.name, joined=row.joined, key=row.key) for row in connection.execute(query)]

    def team_of(self, bounty: str, key: int) -> Team | None:
        """The team that a key speaks for."""
        query = sa.select(teams).where(teams.c.bounty == bounty, teams.c.key == key)
        with self._reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else Team(name=row.name, joined=row.joined, key=row.key)

    def hand_in(self, bounty: str, submission: Submission) -> Submission:
        """The next submission, with its number and time; raises DataError where the team handed in the same before."""
        with self._writing() as connection:
            # The row of the bounty is locked, so that numbers have no gaps and no two are the same.
            _row(connection, bounty, locked=True)
            self._require_new(connection, bounty, submission)
            last = sa.select(sa.func.max(submissions.c.number)).where(submissions.c.bounty == bounty)
            number = (connection.execute(last).scalar() or 0) + 1
            kept = submission.model_copy(update={"number": number, "received": self._now(connection)})
            row = {"bounty": bounty, "number": number, "team": kept.team, "digest": kept.digest, "state": "waiting"}
            connection.execute(sa.insert(submissions).values(**row, submission=kept.model_dump_json()))
            return kept

    def _require_new(self, connection: sa.Connection, bounty: str, submission: Submission) -> None:
        same = (submissions.c.bounty == bounty) & (submissions.c.digest == submission.digest)
        same &= submissions.c.team == submission.team
        number = connection.execute(sa.select(submissions.c.number).where(same)).scalar()
        if number is not None:
            raise DataError(f"This is the same as submission {number}; it was taken once, and counts once.")

    def end_submission(self, bounty: str, verdict: Verdict) -> bool:
        """Keep a verdict, once; False where the submission had ended."""
        here = (submissions.c.bounty == bounty) & (submissions.c.number == verdict.number)
        with self._writing() as connection:
            now = self._now(connection)
            text = verdict.model_copy(update={"judged": verdict.judged or now}).model_dump_json()
            ended = sa.update(submissions).where(here, submissions.c.state == "waiting")
            return connection.execute(ended.values(state=verdict.state, verdict=text)).rowcount == 1

    def handed_in(
        self, bounty: str, *, team: str | None = None, states: Sequence[State] = (), after: int = 0, most: int = 1000
    ) -> Sequence[Handed]:
        """The first `most` submissions with a number above `after`, in their order, with their verdicts."""
        query = sa.select(submissions).where(submissions.c.bounty == bounty, submissions.c.number > after)
        if team is not None:
            query = query.where(submissions.c.team == team)
        if states:
            query = query.where(submissions.c.state.in_(states))
        with self._reading() as connection:
            rows = connection.execute(query.order_by(submissions.c.number).limit(most)).all()
        return [_handed(row) for row in rows]


def _handed(row: sa.Row[tuple[object, ...]]) -> Handed:
    verdict = None if row.verdict is None else read_back(Verdict, str(row.verdict))
    return Handed(read_back(Submission, str(row.submission)), verdict)


def _kept(connection: sa.Connection, new: Any, column: sa.Column[str]) -> bool:
    """Whether a row was inserted: PostgreSQL's driver does not count rows of an INSERT, so one comes back."""
    return connection.execute(new.on_conflict_do_nothing().returning(column)).first() is not None


def _row(connection: sa.Connection, name: str, *, locked: bool = False) -> sa.Row[tuple[object, ...]]:
    query = sa.select(bounties).where(bounties.c.name == name)
    found = connection.execute(query.with_for_update() if locked else query).first()
    if found is None:
        known = sorted(connection.execute(sa.select(bounties.c.name)).scalars())
        raise DataError(f"No bounty {name!r}.{suggestion(name, known) or ' There are none yet.'}")
    return found


def _hidden(invitation: str | None) -> str | None:
    """An invitation as it is kept: its SHA-256."""
    return None if invitation is None else hashlib.sha256(invitation.encode()).hexdigest()
