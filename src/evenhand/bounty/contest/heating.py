"""Heating: counts of what each team's groups depend on, taken up one submission at a time, and the map made of them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from evenhand.bounty.contest.facts import HeatMap, Usage

# With more features than this, those that nobody used are left out of the map.
FEW_FEATURES = 40


@dataclass(eq=False)
class Heat:
    """Who used what so far."""

    submitted: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    _submitted_with: Counter[tuple[str, str]] = field(default_factory=Counter)
    _accepted_with: Counter[tuple[str, str]] = field(default_factory=Counter)
    _reduction: defaultdict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))

    def submit(self, team: str, features: Sequence[str]) -> None:
        """Count a group that was handed in."""
        self.submitted[team] += 1
        self._submitted_with.update((team, feature) for feature in features)

    def accept(self, team: str, features: Sequence[str], reduction: float) -> None:
        """Count a group that was accepted, and by how much the mean loss fell."""
        self.accepted[team] += 1
        for feature in features:
            self._accepted_with[team, feature] += 1
            self._reduction[team, feature] += reduction

    def map(self, features: Sequence[str]) -> HeatMap:
        """Teams by how much they handed in, features by how much of that depends on them, the darkest corner first."""
        teams = sorted(self.submitted, key=lambda team: (-self.submitted[team], team))
        used: Counter[str] = Counter()
        for (_, feature), times in self._submitted_with.items():
            used[feature] += times
        shown = [name for name in features if used[name] or len(features) <= FEW_FEATURES]
        shown.sort(key=lambda name: -used[name])  # stable: the rules' order among equals
        cells = tuple(tuple(self.cell(team, feature) for team in teams) for feature in shown)
        return HeatMap(teams=tuple(teams), features=tuple(shown), cells=cells)

    def cell(self, team: str, feature: str) -> Usage:
        """How much a team uses a feature."""
        accepted = self.accepted[team]
        return Usage(
            share=self._submitted_with[team, feature] / max(self.submitted[team], 1),
            accepted=self._accepted_with[team, feature] / accepted if accepted else None,
            reduction=self._reduction.get((team, feature), 0.0),
        )
