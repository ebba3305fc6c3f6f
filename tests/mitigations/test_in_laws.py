"""In-processing keeps what it promises: bounds, fewer violations, one answer a person, no fit twice, no worse loss."""

# ruff: noqa: N803, N806  (scikit-learn calls the rows X)

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lightgbm import LGBMClassifier
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from evenhand.core.confusion import Confusion, grouped
from evenhand.core.constraint import Constraint
from evenhand.core.errors import SpecError
from evenhand.mitigations.after.multicalibration import MulticalibratedClassifier, fit_multicalibration
from evenhand.mitigations.after.score_trees import Growth, Scored
from evenhand.mitigations.during.fair_boosting import FairBoostingClassifier
from evenhand.mitigations.during.grid import GridSearchReduction
from evenhand.mitigations.during.oracles import Oracles, trainer
from evenhand.mitigations.during.reductions import ExponentiatedGradient, fit_mixture
from evenhand.mitigations.during.rich_subgroups import RichSubgroupClassifier
from evenhand.mitigations.training import BadRows
from evenhand.subgroups import searcher
from tests.mitigations.planted import planted, planted_miscalibration

BOUNDS = [
    "demographic-parity:0.05",
    "equalized-odds:0.05",
    "demographic-parity-ratio:0.8",
    "equal-opportunity-least:0.9",
]
ADULT = Path(__file__).parents[3] / "shared" / "data" / "adult.csv"


def violation(text: str, groups: Any, labels: Any, decisions: Any) -> float:
    names, places = grouped(np.asarray(groups))
    constraint = Constraint.parse(text)
    return float(constraint.violation(Confusion.of(names, places, labels, decisions)))


@pytest.mark.parametrize("kind", [ExponentiatedGradient, GridSearchReduction])
def test_bound_of_one_changes_nothing(kind: Any) -> None:
    X, y, g = planted(500, seed=1)
    plain = LogisticRegression().fit(X, y)
    found = kind(estimator=LogisticRegression(), constraint="equalized-odds:1").fit(X, y, facet=g)
    assert np.array_equal(found.predict(X), plain.predict(X))


def test_boosting_with_bound_of_one_is_lightgbm() -> None:
    X, y, g = planted(500, seed=1)
    plain = LGBMClassifier(n_estimators=20, verbosity=-1, n_jobs=1).fit(X, y)
    found = FairBoostingClassifier(constraint="equalized-odds:1", trees=20).fit(X, y, facet=g)
    assert np.allclose(found.predict_proba(X), np.asarray(plain.predict_proba(X)), atol=1e-9)


@pytest.mark.parametrize("text", BOUNDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_expected_rates_keep_the_bound_where_fitted(text: str, seed: int) -> None:
    X, y, g = planted(600, seed=seed)
    oracles = Oracles(trainer(LogisticRegression(), X), X, np.ones(len(y)))
    found = fit_mixture(oracles, y, g.astype(str), [Constraint.parse(text)])
    constraint = Constraint.parse(text)
    apart = [[rates[rate] for rates in found.rates.values()] for rate in constraint.rates]
    for rates in apart:
        low, high = min(rates), max(rates)
        broken = {"difference": high - low, "ratio": 1 - low / high, "least": 1 - low}[constraint.form]
        assert broken <= constraint.allowed + 1e-7
    assert found.gap >= 0 and sum(found.shares) == pytest.approx(1)
    expected = np.tensordot(found.shares, np.array([oracles.members[m].decisions for m in found.members], float), 1)
    assert found.cost == pytest.approx(np.mean(np.abs(y - expected)))


@pytest.mark.parametrize("make", [
    lambda bound: ExponentiatedGradient(estimator=LogisticRegression(), constraint=f"demographic-parity:{bound}"),
    lambda bound: GridSearchReduction(estimator=LogisticRegression(), constraint=f"demographic-parity:{bound}"),
    lambda bound: FairBoostingClassifier(constraint=f"demographic-parity:{bound}", trees=40),
    lambda bound: FairBoostingClassifier(constraint=f"demographic-parity:{bound}", trees=40, library="xgboost"),
])  # fmt: skip
def test_violations_fall_with_bounds(make: Any) -> None:
    X, y, g = planted(1500, seed=4, groups=2)
    found = [
        violation("demographic-parity:0", g, y, make(bound).fit(X, y, facet=g).predict(X)) for bound in (1, 0.2, 0.05)
    ]
    assert found[0] > 0.25
    assert found[0] > found[1] + 0.05 > found[2] + 0.05
    assert found[1] < 0.25 and found[2] < 0.12


def test_one_person_one_answer() -> None:
    X, y, g = planted(500, seed=5)
    found = ExponentiatedGradient(estimator=LogisticRegression()).fit(X, y, facet=g)
    assert len(found.shares_) > 1
    ids, order = np.array([f"person {n}" for n in range(500)]), np.random.default_rng(0).permutation(500)
    answers = found.predict(X, ids=ids)
    assert np.array_equal(found.predict(X[order], ids=ids[order]), answers[order])
    other = found.set_params(salt="other").predict(X, ids=ids)
    assert not np.array_equal(other, answers)
    found.set_params(deterministic=True)
    assert np.array_equal(found.predict(X, ids=ids), found.predict(X))
    with pytest.raises(ValueError, match=r"There are 3 ids for 500 rows; give one a row\."):
        found.set_params(deterministic=False).predict(X, ids=[1, 2, 3])


class Counting(LogisticRegression):  # type: ignore[misc]
    """Remembers what it was fitted on."""

    seen: list[bytes] = []  # noqa: RUF012

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "Counting":
        self.seen.append(y.tobytes() + sample_weight.astype(np.float32).tobytes())
        super().fit(X, y, sample_weight)
        return self


def test_nothing_is_fitted_twice() -> None:
    X, y, g = planted(400, seed=6)
    Counting.seen.clear()
    found = ExponentiatedGradient(estimator=Counting(), warm_start=True).fit(X, y, facet=g)
    assert len(Counting.seen) == len(set(Counting.seen)) == found.result_.fits > 1
    before = len(Counting.seen)
    found.fit(X, y, facet=g)
    assert len(Counting.seen) == len(set(Counting.seen)) and len(Counting.seen) - before < before
    before = len(Counting.seen)
    found.set_params(constraint="demographic-parity:0.1").fit(X, y, facet=g)
    cold = len(Counting.seen) - before
    assert len(set(Counting.seen)) == len(Counting.seen)
    ExponentiatedGradient(estimator=Counting(), constraint="demographic-parity:0.1").fit(X, y, facet=g)
    assert len(Counting.seen) - before - cold >= cold


@pytest.mark.parametrize("auditor", ["linear", "lattice"])
def test_rich_subgroups(auditor: Any) -> None:
    numbers = np.random.default_rng(7)
    facet = numbers.integers(0, 3, (1500, 3))
    inside = (facet[:, 0] == 1) & (facet[:, 1] == 2)
    x = numbers.normal(size=(1500, 3))
    y = (x[:, 0] + 1.5 * inside + numbers.normal(size=1500) > 0).astype(int)
    X = np.column_stack((x, inside))
    make = RichSubgroupClassifier(estimator=LogisticRegression(), searching=searcher(auditor))
    free = make.set_params(constraint="demographic-parity:1").fit(X, y, facet=facet).result_
    assert free.audited > 0.02 and free.fits == 1 and not free.named
    bound = make.set_params(constraint="demographic-parity:0.01").fit(X, y, facet=facet).result_
    assert bound.audited <= 0.01 + 1e-6
    assert bound.cost >= free.cost
    assert any("column 0" in named.group for named in bound.named)
    assert all(named.after <= 0.01 + 1e-6 for named in bound.named)
    chances = make.predict_proba(X)[:, 1]
    assert inside.mean() * abs(chances[inside].mean() - chances.mean()) <= 0.01 + 1e-6
    with pytest.raises(SpecError, match="not for rich subgroups"):
        make.set_params(constraint="equalized-odds:0.01").fit(X, y, facet=facet)


@pytest.mark.parametrize("library", ["lightgbm", "scikit-learn"])
@pytest.mark.parametrize("apart", [0.0, 1.5])
def test_multicalibration(library: Any, apart: float) -> None:
    rows = 6000
    X, y, inside = planted_miscalibration(3 * rows, seed=8, apart=apart)
    base = LogisticRegression().fit(X[:rows], y[:rows])
    found = MulticalibratedClassifier(estimator=base, prefit=True, library=library, rounds=3)
    found.fit(X[rows : 2 * rows], y[rows : 2 * rows])
    losses = found.result_.losses
    assert losses[found.result_.rounds] == (min(losses) if found.result_.rounds else losses[0])
    if apart:
        held, label, there = X[2 * rows :], y[2 * rows :], inside[2 * rows :]
        before = abs((label - base.predict_proba(held)[:, 1])[there].mean())
        after = abs((label - found.predict_proba(held)[:, 1])[there].mean())
        assert before > 0.2 and after < 0.7 * before
        assert found.result_.rounds > 0
    elif not found.result_.rounds:
        assert np.allclose(found.predict_proba(X[:9]), base.predict_proba(X[:9]))


def test_calibrated_noise_is_left_alone() -> None:
    kept = []
    for seed in range(20):
        numbers = np.random.default_rng(seed)
        chances = numbers.uniform(0.2, 0.8, 400)
        labels = (numbers.random(400) < chances).astype(int)
        rows = Scored(numbers.normal(size=(400, 3)), np.asarray(logit(chances)), labels, np.ones(400))
        aside = np.arange(400) >= 300
        rounds, told = fit_multicalibration(
            rows.among(~aside), rows.among(aside), categorical=[], growth=Growth(rounds=2, trees=10)
        )
        assert len(rounds) == told.rounds
        kept.append(told.rounds > 0)
    # The share of differences beyond one standard error, were there one round: .16; trees are chosen too.
    assert np.mean(kept) <= 0.3


def test_degenerate() -> None:
    X, y, g = planted(200, seed=10)
    make = ExponentiatedGradient(estimator=LogisticRegression(), constraint="equalized-odds:0.1", rounds=3)
    one_class = np.where(g == 2, 1, y)
    rates = make.fit(X, one_class, facet=g).result_.rates
    assert set(rates["2"]) == {"true positive"} and set(rates["0"]) == {"true positive", "false positive"}
    assert make.fit(X, y, facet=np.arange(200)).result_.cost >= 0
    assert make.fit(X, y).result_.fits == 1
    assert set(make.fit(X, y, facet=[None, *["a"] * 199]).result_.rates) == {"(missing)", "a"}
    assert FairBoostingClassifier(trees=3).fit(np.ones((50, 2)), y[:50], facet=g[:50]).result_.violations == (0.0,)
    for each in (make, FairBoostingClassifier(trees=3)):
        with pytest.raises(BadRows, match=r"There is only one class, 1: nothing can be learned; give rows of both\."):
            each.fit(X, np.ones(200, int), facet=g)
        with pytest.raises(SpecError, match="No constraint was given"):
            each.set_params(constraint=[]).fit(X, y, facet=g)
    with pytest.raises(SpecError, match="KNeighborsClassifier takes no sample_weight"):
        from sklearn.neighbors import KNeighborsClassifier

        ExponentiatedGradient(estimator=KNeighborsClassifier()).fit(X, y, facet=g)


def test_trees_that_know_their_rows_by_heart() -> None:
    X, y, g = planted(300, seed=11)
    found = ExponentiatedGradient(estimator=DecisionTreeClassifier(random_state=0), constraint="equalized-odds:0.05")
    # No error on the fitted rows, so nothing to mend there: the bound says nothing of other rows.
    assert found.fit(X, y, facet=g).result_.cost < 1e-12


@pytest.mark.slow
@pytest.mark.skipif(not ADULT.exists(), reason="needs Adult")
@pytest.mark.parametrize(
    ("text", "accuracy", "apart"),
    [
        ("demographic-parity:0.01", 0.8564, 0.0122),
        ("demographic-parity:0.05", 0.8657, 0.0705),
        ("equalized-odds:0.05", 0.8683, 0.0578),
    ],
)
def test_adult(text: str, accuracy: float, apart: float) -> None:
    """Fairlearn's exponentiated gradient, same rows: at the violation reached, no more than .003 below it."""
    (X, y, g), (Xe, ye, ge) = adult()
    base = LGBMClassifier(n_estimators=100, n_jobs=1, verbosity=-1, random_state=0)
    decided = ExponentiatedGradient(estimator=base, constraint=text).fit(X, y, facet=g).predict(Xe)
    # About .1 of accuracy for each 1 of violation, read off the frontier of thresholds (.8600/.054 to .8661/.098).
    matched = accuracy + 0.14 * min(0.0, violation(text, ge, ye, decided) - apart)
    assert np.mean(decided == ye) >= matched - 0.003


def adult() -> tuple[Any, Any]:
    """Adult with categories as codes; 80% to fit, 20% to test."""
    import pandas as pd

    table = pd.read_csv(ADULT, skipinitialspace=True)
    y = table.pop("income-per-year").astype(str).str.startswith(">50").to_numpy(int)
    g = (table["sex"].astype(str) == "Male").to_numpy(int)
    for name in table.columns:
        if not pd.api.types.is_numeric_dtype(table[name]):
            table[name] = table[name].astype("category").cat.codes
    X, order = table.astype(float), np.random.default_rng(0).permutation(len(table))
    fitted, held = order[: int(0.8 * len(X))], order[int(0.8 * len(X)) :]
    return (X.iloc[fitted], y[fitted], g[fitted]), (X.iloc[held], y[held], g[held])
