"""Owning: what only a bounty's owner may see — the bar that rises, rulings with their gains, the extreme groups."""

import math
from collections import deque
from collections.abc import Sequence

from evenhand.bounty.contest.facts import Bar, GroupError, OwnersView, Ruled
from evenhand.bounty.proving.holdout import CHECK, Holdout
from evenhand.certificates import checker
from evenhand.core.bounty import Bounty, Submission, Verdict
from evenhand.core.certificate import Spent

# The bar is told for a find that touches this share of the rows.
TOUCHED = 0.05
_EXTREMES = 3
_RULINGS = 200  # the newest are kept; the log has them all


class Owned:
    """Rulings so far, and the bars of the rules."""

    def __init__(self, bounty: Bounty, holdout: Holdout) -> None:
        self.bounty = bounty
        self._bars = tuple(_bar(bounty, holdout, accepted) for accepted in range(bounty.accept_at_most + 1))
        self._rulings: deque[Ruled] = deque(maxlen=_RULINGS)

    def judged(self, submission: Submission, verdict: Verdict) -> None:
        """Take up a verdict."""
        if verdict.scored:
            self._rulings.append(
                Ruled(
                    number=verdict.number, team=submission.team, group=submission.group, state=verdict.state,
                    told=verdict.told, ruling=verdict.ruling, before=verdict.before, after=verdict.after,
                    repairs=verdict.repairs, seconds=verdict.seconds,
                )
            )  # fmt: skip

    def view(self, accepted: int, groups: Sequence[GroupError]) -> OwnersView:
        """What the owner sees after this many acceptances, with the newest rulings."""
        higher = self.bounty.loss.higher_is_better
        changed = sorted(
            (each for each in groups if each.change is not None),
            key=lambda each: (each.change or 0.0) * (-1 if higher else 1),
        )
        return OwnersView(
            bars=self._bars[:-1], now=self._bars[min(accepted, len(self._bars) - 1)],
            rulings=tuple(reversed(self._rulings)), best=tuple(changed[:_EXTREMES]),
            worst=tuple(reversed(changed[-_EXTREMES:])),
        )  # fmt: skip


def _bar(bounty: Bounty, holdout: Holdout, accepted: int) -> Bar:
    rows = len(holdout.rows(CHECK, accepted if bounty.fresh_folds else None))
    spent = Spent(accepted=accepted, budget=bounty.budget, accept_at_most=bounty.accept_at_most, number=1)
    gain = checker(bounty).bar(spent, rows=max(rows, 1), deviation=math.sqrt(TOUCHED))
    return Bar(accepted=accepted, gain=gain, group_gain=gain / TOUCHED if gain <= TOUCHED else None)
