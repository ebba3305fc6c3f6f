"""Bots of a simulated contest: teams that know what they do, teams that do not, and teams that wish a server ill."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from evenhand.bounty.hunting import Find, Known, Unlabelled, hunt
from evenhand.core.group import Group
from evenhand.core.loss import Loss
from evenhand.models.membership import Members

KINDS = ("skilled", "skilled", "middling", "hunter", "useless", "hostile")
FACETS = ("SCHL", "OCCP", "AGEP", "WKHP", "COW", "MAR", "SEX", "RELP", "RAC1P")
MOST = 0.4  # of the rows: who answers everybody anew has no group


@dataclass(frozen=True)
class Sending:
    """What a bot hands in: a group as text or JSON, bytes, and whether the server must turn it away or refuse it."""

    group: Any
    content: bytes
    hostile: bool = False


@dataclass(frozen=True)
class Learnt:
    """What one model answers for all public and all hidden rows."""

    public: Any
    hidden: Any


@dataclass
class Field:
    """What every team downloaded, as arrays; `current` is the base model, and what a bot's own finds made of it."""

    public: dict[str, Any]
    labels: Any
    current: Any
    hidden: dict[str, Any]
    ids: Any
    current_hidden: Any
    label: str
    trying: Any = None
    boosted: list[Learnt] = field(default_factory=list)
    trees: list[Learnt] = field(default_factory=list)
    finds: list[Find] = field(default_factory=list)
    _members: Members = field(init=False)
    _hidden_members: Members = field(init=False)

    def __post_init__(self) -> None:
        self._members, self._hidden_members = Members(self.public), Members(self.hidden)

    def learn(self, models: int = 24) -> None:
        """Models that teams share, as people share a recipe: of groups, fitted on half of the public rows."""
        import lightgbm
        from sklearn.tree import DecisionTreeClassifier

        numbers = np.random.default_rng(0)
        self.trying = numbers.random(len(self.labels)) < 0.5
        while len(self.boosted) < models:
            rows = np.flatnonzero(~self.trying)
            if len(self.boosted) % 3:
                rows = np.flatnonzero(~self.trying & self.inside(some_group(self, numbers)))
            if len(rows) < 400 or len(np.unique(self.labels[rows])) < 2:
                continue
            boosting = lightgbm.LGBMClassifier(
                n_estimators=int(numbers.integers(40, 120)), num_leaves=15, num_threads=1, verbosity=-1,
                subsample=0.7, subsample_freq=1, random_state=len(self.boosted),
            )  # fmt: skip
            tree = DecisionTreeClassifier(max_depth=6, random_state=0)
            for model, kept in ((boosting, self.boosted), (tree, self.trees)):
                model.fit(self.matrix(rows), self.labels[rows])
                kept.append(Learnt(*(model.predict(self.matrix(slice(None), hidden=each)) for each in (False, True))))
        self.finds = list(self._hunted(numbers))

    def _hunted(self, numbers: np.random.Generator) -> Iterator[Find]:
        for seed in range(2):
            rows = numbers.permutation(len(self.labels))[:4000]
            public = Known({name: values[rows] for name, values in self.public.items()}, self.labels[rows],
                           self.current[rows])  # fmt: skip
            yield from hunt(public, Unlabelled(self.hidden, self.current_hidden), loss=Loss(), classes=2, seed=seed)

    def matrix(self, rows: Any, *, hidden: bool = False) -> Any:
        columns = self.hidden if hidden else self.public
        return np.column_stack([columns[name][rows].astype(float) for name in columns])

    def inside(self, group: Group, *, hidden: bool = False) -> Any:
        return (self._hidden_members if hidden else self._members).mask(group)


def sent(known: Field, mask: Any, answers: Any) -> bytes:
    return table({"id": known.ids[mask], "prediction": np.asarray(answers).astype(int)})


def table(columns: dict[str, Any]) -> bytes:
    held = io.BytesIO()
    parquet.write_table(pa.table(columns), held)
    return held.getvalue()


def some_group(known: Field, numbers: np.random.Generator) -> Group:
    """A range of one or two columns that holds some of the rows, and not most of them."""
    while True:
        found: Group | None = None
        for name in numbers.choice(FACETS, int(numbers.integers(1, 3)), replace=False):
            values = known.public[str(name)]
            low, high = np.sort(numbers.choice(values, 2))
            part = Group.between(str(name), float(low), float(high), includes_high=True)
            found = part if found is None else found & part
        assert found is not None
        if 0.01 <= known.inside(found).mean() <= MOST:
            return found


def skilled(known: Field, numbers: np.random.Generator) -> Iterator[Sending]:
    """Takes a boosted model, and hands in a group in which it helps on public rows that it was not fitted on."""
    while True:
        group = some_group(known, numbers)
        model = known.boosted[int(numbers.integers(len(known.boosted)))]
        rows = known.inside(group) & known.trying
        gains = (known.current != known.labels)[rows].astype(float) - (model.public != known.labels)[rows]
        mask = known.inside(group, hidden=True)
        if mask.any() and gains.sum() > 2 * np.sqrt((gains**2).sum()):
            yield Sending(str(group), sent(known, mask, model.hidden[mask]))


def middling(known: Field, numbers: np.random.Generator) -> Iterator[Sending]:
    """Takes a tree, and tries its luck."""
    while True:
        group = some_group(known, numbers)
        tree, mask = known.trees[int(numbers.integers(len(known.trees)))], known.inside(group, hidden=True)
        if mask.any():
            yield Sending(str(group), sent(known, mask, tree.hidden[mask]))


def hunter(known: Field, numbers: np.random.Generator) -> Iterator[Sending]:
    """What the project's own hunters find, then as skilled as the others."""
    for find in known.finds:
        yield Sending(str(find.group), sent(known, find.mask, find.answers))
    yield from skilled(known, numbers)


def useless(known: Field, numbers: np.random.Generator) -> Iterator[Sending]:
    """Says the same, the opposite, or anything about random groups."""
    while True:
        group = some_group(known, numbers)
        mask = known.inside(group, hidden=True)
        if not mask.any():
            continue
        now = known.current_hidden[mask]
        anything = numbers.integers(0, 2, int(mask.sum()))
        few = np.where(numbers.random(len(now)) < 0.01, 1 - now, now)
        yield Sending(str(group), sent(known, mask, [anything, 1 - now, few][int(numbers.integers(3))]))


def hostile(known: Field, numbers: np.random.Generator) -> Iterator[Sending]:
    """What no server should take: each of these ends as a refusal by name."""
    everyone, ids = "AGEP>=0", known.ids
    fine = sent(known, np.ones(len(ids), bool), numbers.integers(0, 2, len(ids)))
    while True:
        salt = str(numbers.integers(10**9))
        ones = np.ones(len(ids), int)
        yield Sending(everyone, table({"id": np.char.add(ids, "x" + salt), "prediction": ones}), hostile=True)
        yield Sending(everyone, table({"id": np.repeat(ids[:1], len(ids)), "prediction": ones + len(salt)}), True)
        yield Sending(everyone, table({"id": ids, "prediction": np.full(len(ids), np.nan)}) + salt.encode(), True)
        yield Sending(everyone, table({"id": ids[:10], "prediction": ones[:10], salt: ones[:10]}), hostile=True)
        yield Sending(everyone, b"\x80\x04\x95" + salt.encode(), hostile=True)
        yield Sending({"and": [{"column": "AGEP", "op": ">", "value": -int(salt)}] * 500}, fine, hostile=True)
        yield Sending({"column": "PINCP", "op": "==", "value": 1}, fine + salt.encode(), hostile=True)
        yield Sending(f"AGEP>={'9' * 400}", fine + salt.encode(), hostile=True)
        yield Sending("~" * 5000 + everyone, fine, hostile=True)


BOTS: dict[str, Callable[[Field, np.random.Generator], Iterator[Sending]]] = {
    "skilled": skilled, "middling": middling, "hunter": hunter, "useless": useless, "hostile": hostile,
}  # fmt: skip
