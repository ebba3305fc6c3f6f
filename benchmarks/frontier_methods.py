"""Methods that mend, each on one split of one table: evenhand's, fairlearn's, OxonFair's; frontier.py runs them.

    python benchmarks/frontier_methods.py SPLIT.npz CASES.json FOLDER SECONDS

runs every case (method, parity or odds, bounds) in this interpreter. It prints a line of JSON for each point as soon
as it is there, and keeps the chance of a positive decision of each test row in FOLDER/PLACE.npy; a method is given up
after so many SECONDS of CPU. What acts after training is fitted on the validation rows, what acts before and in
training on training and validation rows together; test rows are only decided. Chances are exact where a rule is
randomised, so no luck of a draw is in the numbers. CPU seconds are those of fitting, all threads.
"""

import importlib
import json
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Point = tuple[str, Any]
NAMES = {"parity": "demographic-parity", "odds": "equalized-odds"}
ROUNDS = 10


@dataclass(frozen=True)
class Rows:
    """Inputs as numbers, labels 0 or 1, groups as small numbers, and the scores of the model that all share."""

    inputs: Any
    labels: Any
    groups: Any
    scores: Any

    @property
    def texts(self) -> Any:
        return np.array([f"g{each}" for each in range(self.groups.max() + 1)])[self.groups]


@dataclass(frozen=True)
class Split:
    """`fitting`: training and validation rows together."""

    base: str
    fitting: Rows
    validation: Rows
    test: Rows

    @classmethod
    def read(cls, path: str) -> "Split":
        """The split that frontier.py wrote."""
        with np.load(path) as kept:
            parts = {
                name: Rows(*(kept[f"{name}_{column}"] for column in ("inputs", "labels", "groups", "scores")))
                for name in ("training", "validation", "test")
            }
            base = str(kept["base"])
        pairs = zip(vars(parts["training"]).values(), vars(parts["validation"]).values(), strict=True)
        return cls(base, Rows(*map(np.concatenate, pairs)), parts["validation"], parts["test"])


def estimator(base: str) -> Any:
    """The model that every method starts from, not yet fitted."""
    if base == "linear":
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(max_iter=1000)
    from lightgbm import LGBMClassifier

    return LGBMClassifier(n_estimators=100, num_leaves=31, learning_rate=0.1, n_jobs=1, verbosity=-1, random_state=0)


# --- evenhand


def thresholds(split: Split, kind: str, bounds: Sequence[float]) -> Iterator[Point]:
    from evenhand.core.constraint import Constraint
    from evenhand.mitigations.after.thresholds import fit_thresholds

    rows, test = split.validation, split.test
    for bound in bounds:
        solved = fit_thresholds(rows.scores, rows.labels, rows.texts, [Constraint(NAMES[kind], bound)])
        yield str(bound), chances_of(solved.rule, test)


def chances_of(rule: Any, test: Rows) -> Any:
    """The chance that a rule of thresholds decides 1."""
    found = np.zeros(len(test.scores))
    for name in np.unique(test.texts):
        here, cut = test.texts == name, rule.cuts[name]
        for threshold, share in zip(cut.thresholds, cut.shares, strict=True):
            found[here] += share * (test.scores[here] >= threshold)
    return found


def linear(split: Split, kind: str, bounds: Sequence[float]) -> Iterator[Point]:
    from evenhand.core.chance import chance
    from evenhand.core.constraint import Constraint
    from evenhand.mitigations.after.linear_post import fit_linear

    rows, test = split.validation, split.test
    numbers = chance(range(len(test.scores)), "frontier")
    for bound in bounds:
        solved = fit_linear(both(rows.scores), rows.labels, rows.texts, [Constraint(NAMES[kind], bound)])
        yield str(bound), solved.rule.choose_known(both(test.scores), test.texts, numbers)


def both(scores: Any) -> Any:
    """The probabilities of both classes."""
    return np.column_stack((1 - scores, scores))


def reject_option(split: Split, kind: str, bounds: Sequence[float]) -> Iterator[Point]:
    from evenhand.core.constraint import Constraint
    from evenhand.core.errors import SpecError
    from evenhand.mitigations.after.reject_option import fit_reject_option

    rows = split.validation
    for bound in bounds:
        try:
            found = fit_reject_option(rows.scores, rows.labels, rows.texts, Constraint(NAMES[kind], bound))
        except SpecError as error:
            told(str(error))
            continue
        yield str(bound), chances_of(found.rule, split.test)


def reweighing(split: Split, _kind: str, _bounds: Sequence[float]) -> Iterator[Point]:
    from evenhand.mitigations.before.reweighing import Reweighed

    for amount in (0.5, 1.0):
        model = Reweighed(estimator(split.base), amount=amount)
        model.fit(split.fitting.inputs, split.fitting.labels, facet=split.fitting.texts)
        yield f"amount {amount:g}", model.predict(split.test.inputs)


def trained(model: Any, split: Split, kind: str, bounds: Sequence[float]) -> Iterator[Point]:
    """An estimator of evenhand's with its constraint set to each bound."""
    for bound in bounds:
        model.set_params(constraint=f"{NAMES[kind]}:{bound:g}")
        model.fit(split.fitting.inputs, split.fitting.labels, facet=split.fitting.texts)
        mixed = hasattr(model, "shares_")
        yield str(bound), model.predict_proba(split.test.inputs)[:, 1] if mixed else model.predict(split.test.inputs)


def exponentiated_gradient(split: Split, kind: str, bounds: Sequence[float]) -> Iterator[Point]:
    from evenhand.mitigations.during.reductions import ExponentiatedGradient

    model = ExponentiatedGradient(estimator=estimator(split.base), rounds=ROUNDS, warm_start=True)
    return trained(model, split, kind, sorted(bounds, reverse=True))


def grid(split: Split, kind: str, bounds: Sequence[float]) -> Iterator[Point]:
    from evenhand.mitigations.during.grid import GridSearchReduction

    return trained(GridSearchReduction(estimator=estimator(split.base), points=12), split, kind, bounds)


def boosting(split: Split, kind: str, bounds: Sequence[float]) -> Iterator[Point]:
    from evenhand.mitigations.during.fair_boosting import FairBoostingClassifier

    return trained(FairBoostingClassifier(), split, kind, bounds)


# --- peers


class Scores:
    """A model whose input is its score."""

    classes_ = np.array([0, 1])

    def fit(self, _scores: Any, _labels: Any = None) -> "Scores":
        return self

    def predict_proba(self, scores: Any) -> Any:
        return both(np.asarray(scores)[:, 0])

    def predict(self, scores: Any) -> Any:
        return self.predict_proba(scores)[:, 1] >= 0.5


def fairlearn_thresholds(split: Split, kind: str, bounds: Sequence[float]) -> Iterator[Point]:
    from fairlearn.postprocessing import ThresholdOptimizer
    from sklearn.base import BaseEstimator, ClassifierMixin

    model = type("Answers", (Scores, ClassifierMixin, BaseEstimator), {"fitted_": True})()
    name = "demographic_parity" if kind == "parity" else "equalized_odds"
    # Its tolerance is of demographic parity and the like; its equalized odds has none.
    for bound in bounds if kind == "parity" else (0.0,):
        found = ThresholdOptimizer(
            estimator=model, constraints=name, objective="accuracy_score", prefit=True,
            predict_method="predict_proba", tol=bound or None,
        )  # fmt: skip
        rows, test = split.validation, split.test
        found.fit(rows.scores[:, None], rows.labels, sensitive_features=rows.groups)
        yield str(bound), found._pmf_predict(test.scores[:, None], sensitive_features=test.groups)[:, 1]


def fairlearn_gradient(split: Split, kind: str, bounds: Sequence[float]) -> Iterator[Point]:
    from fairlearn.reductions import DemographicParity, EqualizedOdds, ExponentiatedGradient

    form, rows = DemographicParity if kind == "parity" else EqualizedOdds, split.fitting
    for bound in bounds:
        found = ExponentiatedGradient(
            estimator(split.base), form(difference_bound=bound), eps=bound, max_iter=2 * ROUNDS
        )
        found.fit(rows.inputs, rows.labels, sensitive_features=rows.groups)
        yield str(bound), found._pmf_predict(split.test.inputs)[:, 1]


def oxonfair(split: Split, kind: str, bounds: Sequence[float]) -> Iterator[Point]:
    import pandas as pd
    from oxonfair import FairPredictor
    from oxonfair import group_metrics as metrics

    def table(rows: Rows) -> dict[str, Any]:
        return {"data": pd.DataFrame({"score": rows.scores}), "target": rows.labels, "groups": rows.groups}

    metric = metrics.demographic_parity if kind == "parity" else metrics.equalized_odds
    for bound in bounds:
        found = FairPredictor(Scores(), table(split.validation))
        found.fit(metrics.accuracy, metric, bound)
        yield str(bound), np.asarray(found.predict(table(split.test))).astype(int).ravel()


Method = Callable[[Split, str, Sequence[float]], Iterator[Point]]
WORK: dict[str, Method] = {
    "evenhand thresholds": thresholds,
    "evenhand linear": linear,
    "evenhand reject option": reject_option,
    "evenhand reweighing": reweighing,
    "evenhand boosting": boosting,
    "evenhand exponentiated gradient": exponentiated_gradient,
    "evenhand grid": grid,
    "fairlearn thresholds": fairlearn_thresholds,
    "fairlearn exponentiated gradient": fairlearn_gradient,
    "oxonfair thresholds": oxonfair,
}
# Imported before the clock starts.
MODULES = {
    "evenhand": tuple(
        f"evenhand.mitigations.{each}"
        for each in ("thresholds", "linear_post", "reject_option", "reweighing", "fair_boosting", "reductions", "grid")
    ),
    "fairlearn": ("fairlearn.postprocessing", "fairlearn.reductions"),
    "oxonfair": ("oxonfair", "pandas"),
}
# The case that runs.
CURRENT: dict[str, str] = {}
# What trains models for each bound.
LONG = ("evenhand exponentiated gradient", "evenhand grid", "fairlearn exponentiated gradient")


def told(message: str) -> None:
    """Say that a point could not be made."""
    print(json.dumps(CURRENT | {"failed": message[:300]}), flush=True)


def given_up(*_: Any) -> None:
    raise TimeoutError


def case_points(split: Split, name: str, kind: str, bounds: Sequence[float]) -> Iterator[tuple[str, float, Any]]:
    """The points of a case with the CPU seconds of each; an error is told, and ends the case."""
    points = WORK[name](split, kind, bounds)
    while True:
        before = time.process_time()
        try:
            setting, chances = next(points)
        except StopIteration:
            return
        except TimeoutError:
            return told("more CPU seconds than allowed")
        except Exception as error:  # what a peer raises is written down as its result
            return told(f"{type(error).__name__}: {error}")
        yield setting, time.process_time() - before, chances


def main() -> None:
    warnings.simplefilter("ignore")
    path, cases, folder, seconds = sys.argv[1:5]
    split, place = Split.read(path), 0
    signal.signal(signal.SIGPROF, given_up)
    for name, kind, bounds in json.loads(Path(cases).read_text()):
        for module in MODULES[name.split(" ")[0]]:
            importlib.import_module(module)
        CURRENT.update(method=name, kind=kind)
        signal.setitimer(signal.ITIMER_PROF, float(seconds))
        for setting, spent, chances in case_points(split, name, kind, bounds):
            np.save(Path(folder) / f"{place}.npy", np.asarray(chances, np.float32))
            print(json.dumps(CURRENT | {"setting": setting, "cpu": round(spent, 4), "place": place}), flush=True)
            place += 1
        signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    main()
