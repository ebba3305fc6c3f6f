"""Bots of a simulated contest: teams that know what they do, teams that do not, and teams that wish a server ill."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from evenhand.bounty.hunting import Known, Unlabelled, hunt
from evenhand.core.group import Group
from evenhand.core.loss import Loss
from evenhand.models.membership import Members

KINDS = ("skilled", "skilled", "middling", "hunter", "useless", "hostile")
FACETS = ("SCHL", "OCCP", "AGEP", "WKHP", "COW", "MAR", "SEX", "RELP", "RAC1P")


@dataclass(frozen=True)
class Sending:
    """What a bot hands in: a group as text or JSON, bytes, and whether the server must turn it away or refuse it."""

    group: Any
    content: bytes
    hostile: bool = False


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
    _members: Members = field(init=False)

    def __post_init__(self) -> None:
        self._members = Members(self.public)

    def matrix(self, rows: Any, *, hidden: bool = False) -> Any:
        columns = self.hidden if hidden else self.public
        return np.column_stack([columns[name][rows].astype(float) for name in columns])

    def inside(self, group: Group, *, hidden: bool = False) -> Any:
        return (Members(self.hidden) if hidden else self._members).mask(group)


def sent(known: Field, mask: Any, answers: Any) -> bytes:
    return table({"id": known.ids[mask], "prediction": np.asarray(answers).astype(int)})


def table(columns: dict[str, Any]) -> bytes:
    held = io.BytesIO()
    parquet.write_table(pa.table(columns), held)
    return held.getvalue()


def some_group(known: Field, numbers: np.random.Generator) -> Group:
    """A range of one or two columns."""
    found: Group | None = None
    for name in numbers.choice(FACETS, int(numbers.integers(1, 3)), replace=False):
        values = known.public[str(name)]
        low, high = np.sort(numbers.choice(values, 2))
        part = Group.between(str(name), float(low), float(high), includes_high=True)
        found = part if found is None else found & part
    assert found is not None
    return found


def skilled(known: Field, numbers: np.random.Generator) -> Iterator[Sending]:
    """Fits gradient boosting on half of the rows of a group, and hands in what helps on the other half."""
    import lightgbm

    while True:
        group = some_group(known, numbers)
        rows = numbers.permutation(np.flatnonzero(known.inside(group)))
        if len(rows) < 400:
            continue
        fitting, trying = np.array_split(rows, 2)
        model = lightgbm.LGBMClassifier(n_estimators=60, num_leaves=15, num_threads=1, verbosity=-1)
        model.fit(known.matrix(fitting), known.labels[fitting])
        said, truth = model.predict(known.matrix(trying)), known.labels[trying]
        gains = (known.current[trying] != truth).astype(float) - (said != truth)
        if gains.sum() <= 2 * np.sqrt((gains**2).sum()):
            continue
        model.fit(known.matrix(rows), known.labels[rows])
        mask = known.inside(group, hidden=True)
        yield Sending(str(group), sent(known, mask, model.predict(known.matrix(mask, hidden=True))))


def middling(known: Field, numbers: np.random.Generator) -> Iterator[Sending]:
    """Fits a tree on the rows of a group, and tries its luck."""
    from sklearn.tree import DecisionTreeClassifier

    while True:
        group = some_group(known, numbers)
        rows, mask = known.inside(group), known.inside(group, hidden=True)
        if rows.sum() < 50 or not mask.any():
            continue
        tree = DecisionTreeClassifier(max_depth=6, random_state=0).fit(known.matrix(rows), known.labels[rows])
        yield Sending(str(group), sent(known, mask, tree.predict(known.matrix(mask, hidden=True))))


def hunter(known: Field, numbers: np.random.Generator) -> Iterator[Sending]:
    """The project's own hunters on samples of the rows, then as skilled as the others."""
    for seed in range(2):
        rows = numbers.permutation(len(known.labels))[:8000]
        public = Known({name: values[rows] for name, values in known.public.items()}, known.labels[rows],
                       known.current[rows])  # fmt: skip
        hidden = Unlabelled(known.hidden, known.current_hidden)
        for find in hunt(public, hidden, loss=Loss(), classes=2, seed=seed):
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
