"""Tables of every awkward kind, drawn from a seed by `random` alone, so that only answers need to be stored."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import pandas as pd

GENERATED = 1000


@dataclass(frozen=True)
class Case:
    """One table and what is asked of it; `categories` are the columns to turn into the category dtype."""

    columns: dict[str, list[Any]]
    categories: tuple[str, ...]
    label: list[Any]
    facet: list[Any] | None
    stratified: bool

    def frame(self) -> pd.DataFrame:
        """The table."""
        nan = float("nan")
        filled = {name: [nan if value is None else value for value in values] for name, values in self.columns.items()}
        frame = pd.DataFrame({name: pd.Series(values) for name, values in filled.items()})
        for name in self.categories:
            frame[name] = frame[name].astype("category")
        return frame


def drawn(seed: int) -> Case:
    """The table of a seed."""
    chance = random.Random(seed)  # noqa: S311
    rows = chance.choice((1, 5, 12, 30, 30, 60, 60, 120, 120, 250, 250))
    label, values, wanted = _label(chance, rows)
    facet, asked = _facet(chance, rows)
    columns = {"label": label, "facet": facet, "predicted": _predicted(chance, label, values)}
    columns["amount"] = [round(chance.uniform(0, 100), 6) for _ in range(rows)]
    columns["age"] = [round(chance.gauss(40, 12), 6) for _ in range(rows)]
    if chance.random() < 0.1:
        columns["note"] = [chance.choice("xyz") for _ in range(rows)]
    if chance.random() < 0.1:
        columns["age"][0] = None
    if chance.random() < 0.2:
        columns["flag"] = [chance.random() < 0.5 for _ in range(rows)]
    columns["stratum"] = _stratum(chance, rows)
    if chance.random() < 0.7:
        columns["stratum"] = columns.pop("stratum")
    categories = tuple(name for name in ("facet", "label", "stratum") if chance.random() < 0.08)
    return Case(columns, categories, wanted, asked, chance.random() < 0.8)


def _label(chance: random.Random, rows: int) -> tuple[list[Any], list[Any], list[Any]]:
    kinds: tuple[tuple[list[Any], list[Any]], ...] = (
        ([0, 1], [1]), ([0, 1], [0]), (["no", "yes"], ["yes"]), (["no", "yes"], ["ja"]), ([False, True], [True]),
        ([False, True], ["False"]), ([0.0, 1.0], [0.5]), ([0.0, 1.0], [1]), (["1", "2", "3"], [1]),
        (["a", "b", "c"], ["a", "b"]), ([1, 2, 3, 4], [1, 3]), ([1, 2, 3], ["2"]), ([1, 2], ["x"]), ([], [50]),
        ([-9.5, -8.0, -5.0], [5]), ([-9.5, -8.0, -5.0], [-8]), ([1, 2, 3], [2.0]), (["0", "1"], ["1"]), ([], [-200]),
    )  # fmt: skip
    values, wanted = chance.choice(kinds)
    share = chance.choice((0.0, 0.1, 0.5, 0.5, 0.9, 1.0))
    if not values:
        label: list[Any] = [round(chance.uniform(0, 100), 4) for _ in range(rows)]
    else:
        label = [values[-1] if chance.random() < share else chance.choice(values[:-1] or values) for _ in range(rows)]
    return _holed(chance, label), values, list(wanted)


def _predicted(chance: random.Random, label: list[Any], values: list[Any]) -> list[Any]:
    kept = chance.choice((0.0, 0.7, 0.95, 1.0))
    others = values or [10.0, 49.5, 80.0, 120.0]
    predicted = [value if chance.random() < kept and value is not None else chance.choice(others) for value in label]
    if chance.random() < 0.05:
        predicted = [str(value) for value in predicted]
    if chance.random() < 0.05:
        predicted = [others[0]] * len(label)
    return predicted


def _facet(chance: random.Random, rows: int) -> tuple[list[Any], list[Any] | None]:
    kinds: tuple[tuple[list[Any], list[Any] | None], ...] = (
        (["f", "m"], None), (["f", "m"], ["f"]), (["f", "m"], ["q"]), (["f", "m", "x", "y"], ["f", "x"]),
        (["f", "m", "x"], None), ([0, 1], [1]), ([0, 1], None), ([0, 1], ["abc"]), ([1, 2, 3], ["2"]),
        ([1, 2, 3, 4, 5], [2, 3]), ([True, False], None), ([True, False], ["True"]), ([0.0, 1.0], [0]), ([], [40]),
        ([], ["40"]), ([], None), ([], ["forty"]), (["f"], None), (["1", "2"], [1]), ([], [500]), ([1.5, 2.5], [1.5, 9]),
    )  # fmt: skip
    values, asked = chance.choice(kinds)
    if values:
        weights = [chance.choice((1, 1, 1, 5, 20)) for _ in values]
        return _holed(chance, chance.choices(values, weights, k=rows)), asked
    whole = chance.random() < 0.5
    numbers: list[Any] = [chance.randint(0, 90) if whole else round(chance.uniform(0, 90), 3) for _ in range(rows)]
    return _holed(chance, numbers), asked


def _stratum(chance: random.Random, rows: int) -> list[Any]:
    values: list[Any] = chance.choice(
        (["p", "q", "r"], [1, 2], [0.5, 1.5, 2.5], [True, False], ["p", 1], list("abcdefghij"))
    )
    return _holed(chance, [chance.choice(values) for _ in range(rows)])


def _holed(chance: random.Random, values: list[Any]) -> list[Any]:
    """The values with some missing, now and then."""
    if chance.random() < 0.85:
        return values
    return [None if chance.random() < 0.1 else value for value in values]


@dataclass(frozen=True)
class Real:
    """Questions of a real table: the predictions are a rule on one column, so that nothing is random."""

    name: str
    file: str
    label: str
    values: tuple[Any, ...]
    kept: tuple[str, ...]
    facets: tuple[tuple[str, tuple[Any, ...] | None], ...]
    stratum: str

    def frame(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The columns that are looked at, and the predictions."""
        rule, accepted, other = _RULES[self.name]
        column, operator, limit = rule
        above = rows[column] >= limit if operator == ">=" else rows[column] < limit
        kept = rows[[self.label, *self.kept]].copy()
        kept["predicted"] = [accepted if each else other for each in above]
        return kept


_RULES: dict[str, tuple[tuple[str, str, float], Any, Any]] = {
    "adult": (("education-num", ">=", 13), ">50K", "<=50K"),
    "compas": (("decile_score", "<", 5), 0, 1),
    "german": (("credit-amount", "<", 4000), 1, 0),
    "law_school": (("lsat", ">=", 35), 1.0, 0.0),
    "communities": (("medIncome", ">=", 0.4), 1, 0),
}
REAL = (
    Real("adult", "adult.csv", "income-per-year", (">50K",), ("sex", "race", "age", "workclass", "marital-status"),
         (("sex", None), ("race", ("Black", "Other")), ("age", (40,)), ("workclass", None)), "marital-status"),
    Real("compas", "compas_two_years.csv", "two_year_recid", (0,), ("race", "sex", "age_cat", "c_charge_degree", "age"),
         (("race", None), ("sex", ("Female",)), ("age_cat", None)), "c_charge_degree"),
    Real("german", "german_credit.csv", "class-label", (1,),
         ("foreign-worker", "sex", "age", "duration", "credit-amount", "housing"),
         (("foreign-worker", None), ("sex", ("female",)), ("age", (25, 26))), "housing"),
    Real("law_school", "law_school.csv", "pass_bar", (0.5,), ("male", "race", "lsat", "ugpa", "fam_inc"),
         (("race", None), ("male", (0,)), ("fam_inc", (2,))), "fam_inc"),
    Real("communities", "communities_crime.csv", "class", (1,), ("racepctblack", "racePctWhite", "medIncome", "state"),
         (("racepctblack", (0.3,)), ("racePctWhite", (0.8,))), "state"),
)  # fmt: skip
