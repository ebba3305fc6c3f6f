"""The rates and largest gaps of every group equal those of fairlearn's MetricFrame."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, reduce
from importlib.util import find_spec
from operator import and_
from pathlib import Path
from typing import Any

import pytest

import evenhand as eh
from tests.conftest import absent


@dataclass(frozen=True)
class Case:
    """One facet of one table, with a prediction that is a rule on one column."""

    file: str
    label: str
    positive: str | int
    prediction: str
    predicted: Callable[[Any], Any]
    facets: tuple[str, ...]


CASES = {
    "adult": Case(
        "adult.csv", "income-per-year", ">50K", "education-num>=13",
        lambda rows: rows["education-num"] >= 13, ("race", "sex", "marital-status"),
    ),
    "compas": Case(
        "compas_two_years.csv", "two_year_recid", 0, "decile_score<5",
        lambda rows: rows["decile_score"] < 5, ("race", "sex", "age_cat"),
    ),
}  # fmt: skip

# Our name of each rate, with the gap between groups that evenhand tests, and the name in `rates_of`.
GAPS = {
    "GAP-S": "predicted positive",
    "GAP-TPR": "true positive rate",
    "GAP-FPR": "false positive rate",
    "GAP-ACC": "accuracy",
}


def rates_of(fair: Any) -> dict[str, Callable[..., Any]]:
    """fairlearn's and scikit-learn's function for each of our rates."""
    from sklearn.metrics import accuracy_score, precision_score

    return {
        "predicted positive": fair.selection_rate,
        "true positive rate": fair.true_positive_rate,
        "false positive rate": fair.false_positive_rate,
        "true negative rate": fair.true_negative_rate,
        "false negative rate": fair.false_negative_rate,
        "precision": precision_score,
        "accuracy": accuracy_score,
    }


@pytest.fixture(scope="module")
def frames(real_tables: Path) -> Callable[[str, tuple[str, ...]], Any]:
    """fairlearn's MetricFrame of a case by some of its columns."""
    if not find_spec("fairlearn"):
        absent("fairlearn")
    import fairlearn.metrics
    import pandas

    @cache
    def frame(name: str, facets: tuple[str, ...]) -> Any:
        case = CASES[name]
        rows = pandas.read_csv(real_tables / case.file)
        return fairlearn.metrics.MetricFrame(
            metrics={**rates_of(fairlearn.metrics), "count": fairlearn.metrics.count},
            y_true=(rows[case.label] == case.positive).astype(int),
            y_pred=case.predicted(rows).astype(int),
            sensitive_features=rows[list(facets)],
        )

    return frame


@pytest.fixture(scope="module")
def reports(real_tables: Path) -> Callable[[str], eh.Report]:
    """evenhand's report of a case."""

    @cache
    def report(name: str) -> eh.Report:
        case = CASES[name]
        audit = eh.Audit(
            label=case.label, positive=[case.positive], predicted_label=case.prediction, facets=case.facets,
            intersections=[["race", "sex"]], features=(),
        )  # fmt: skip
        return eh.run(audit, str(real_tables / case.file))

    return report


PLACES: list[tuple[str, tuple[str, ...]]] = [(name, (facet,)) for name, case in CASES.items() for facet in case.facets]
PLACES += [(name, ("race", "sex")) for name in CASES]


@pytest.mark.parametrize(("name", "facets"), PLACES)
def test_rates_of_every_group_agree(
    name: str,
    facets: tuple[str, ...],
    frames: Callable[[str, tuple[str, ...]], Any],
    reports: Callable[[str], eh.Report],
) -> None:
    by_group = frames(name, facets).by_group.dropna()
    profiles = {
        profile.group: profile
        for profile in reports(name).profiles
        if profile.facet == " × ".join(facets) and profile.rows
    }
    assert len(profiles) == len(by_group)
    for levels, theirs in by_group.iterrows():
        values = (levels,) if isinstance(levels, str) else levels
        group = str(reduce(and_, map(eh.Group.of, facets, values)))
        profile = profiles[group]
        assert profile.rows == theirs["count"]
        ours = {rate.name: rate.value for rate in profile.rates}
        for rate in theirs.index.drop("count"):
            expected = float(theirs[rate])
            # fairlearn and scikit-learn take 0/0 for 0.
            assert ours[rate] == pytest.approx(expected, abs=1e-12) or (ours[rate] is None and expected == 0), rate


@pytest.mark.parametrize(("name", "facets"), [(name, facets) for name, facets in PLACES if facets != ("sex",)])
def test_largest_gaps_agree(
    name: str,
    facets: tuple[str, ...],
    frames: Callable[[str, tuple[str, ...]], Any],
    reports: Callable[[str], eh.Report],
) -> None:
    differences = frames(name, facets).difference(method="between_groups")
    found = {finding.metric: finding for finding in reports(name).findings if finding.facet == " × ".join(facets)}
    for code, rate in GAPS.items():
        assert found[code].value == pytest.approx(float(differences[rate]), abs=1e-12), code
