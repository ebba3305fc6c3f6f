"""The flow: what a whole audit of a small table says, in Python."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import evenhand as eh
from evenhand.demo import demo, planted
from evenhand.metrics import registered


def people(rows: int = 600, seed: int = 0) -> dict[str, Any]:
    generator = np.random.default_rng(seed)
    sex = generator.choice(np.array(["f", "m"], dtype=object), rows)
    race = generator.choice(np.array(["a", "b", "c", None], dtype=object), rows, p=[0.5, 0.3, 0.15, 0.05])
    label = generator.random(rows) < 0.4
    score = np.clip(
        np.where(label, 0.6, 0.4) + np.where(sex == "f", -0.15, 0.1) + generator.normal(0, 0.15, rows), 0, 1
    )
    return {
        "sex": sex, "race": race, "age": generator.integers(18, 80, rows), "label": label.astype(int),
        "score": score, "predicted": (score >= 0.5).astype(int), "area": generator.choice(np.array(["x", "y"], dtype=object), rows),
        "weight": generator.uniform(0.5, 2, rows), "person": generator.integers(0, 100, rows),
    }  # fmt: skip


BINARY = eh.Audit(label="label", positive=(1,), predicted_label="predicted", score="score", facets=("sex", "race"))


def found(report: eh.Report, code: str, group: str) -> eh.Finding:
    return next(finding for finding in report.findings if (finding.metric, finding.group) == (code, group))


def test_the_demo_finds_what_was_planted() -> None:
    report = demo()
    assert report.verdict == "past"
    for (code, group), truth in planted().items():
        interval = found(report, code, group).interval
        assert interval is not None
        assert interval.low <= truth <= interval.high
    assert {finding.facet for finding in report.past} == {"sex", "sex × region"}
    assert found(report, "LR", "region=Islands").verdict == "too little data"
    assert "Planted DI for sex=Female: 0.687" in "\n".join(report.notes)


def test_a_report_reads_back_as_it_was_written() -> None:
    report = eh.run(BINARY, people())
    assert eh.Report.from_json(report.to_json()) == report


def test_a_report_is_saved_whole_and_loaded_equal(tmp_path: Path) -> None:
    report = eh.run(BINARY, people())
    report.save(tmp_path / "below" / "report.json")
    assert eh.Report.load(tmp_path / "below" / "report.json") == report
    assert [path.name for path in (tmp_path / "below").iterdir()] == ["report.json"]
    (tmp_path / "half.json").write_text(report.to_json()[:5_000])
    with pytest.raises(eh.UnreadableSource, match="This is not a report of evenhand"):
        eh.Report.load(tmp_path / "half.json")
    with pytest.raises(eh.UnreadableSource, match="Cannot read the report"):
        eh.Report.load(tmp_path / "none.json")


def test_a_report_follows_its_published_schema() -> None:
    report = eh.run(BINARY, people())
    jsonschema.validate(json.loads(report.to_json()), eh.Report.json_schema())


def test_the_same_seed_gives_the_same_report() -> None:
    first, second = eh.run(BINARY, people()), eh.run(BINARY, people())
    assert first.findings == second.findings
    assert first.provenance.fingerprint == second.provenance.fingerprint


def test_the_order_of_rows_changes_nothing_that_is_counted() -> None:
    data = people()
    mixed = np.random.default_rng(5).permutation(600)
    audit = BINARY.model_copy(update={"features": ()})
    first, second = eh.run(audit, data), eh.run(audit, {name: column[mixed] for name, column in data.items()})
    assert first.findings == second.findings


def test_missing_values_are_their_own_group_and_counted() -> None:
    report = eh.run(BINARY, people())
    missing = next(profile for profile in report.profiles if profile.group == "race is missing")
    assert missing.rows == sum(value is None for value in people()["race"])
    assert report.missing[0].rows == missing.rows
    # Rows without a race are in nobody's rest.
    known = sum(value is not None for value in people()["race"])
    finding = found(report, "DI", "race=a")
    assert finding.rows + finding.rows_against == known


def test_missing_values_can_be_dropped_or_refused() -> None:
    dropped = eh.run(BINARY.model_copy(update={"missing": {"race": "drop"}}), people())
    assert not [profile for profile in dropped.profiles if "missing" in profile.group]
    assert dropped.missing[0].policy == "drop"
    with pytest.raises(eh.DataError, match=r"Column 'race' has no value in 24 rows, and missing is error for it\."):
        eh.run(BINARY.model_copy(update={"missing": {"race": "error"}}), people())


def test_comparisons_with_a_reference_and_of_all_pairs() -> None:
    reference = eh.run(
        eh.Audit(
            **{**BINARY.model_dump(), "facets": ("race",), "comparison": "one-vs-reference", "reference": {"race": "a"}}
        ),
        people(),
    )
    assert {finding.against for finding in reference.findings if finding.metric == "DI"} == {"race=a"}
    pairs = eh.run(eh.Audit(**{**BINARY.model_dump(), "facets": ("race",), "comparison": "all-pairs"}), people())
    compared = {(finding.group, finding.against) for finding in pairs.findings if finding.metric == "DI"}
    assert ("race=a", "race=b") in compared
    assert len(compared) == 6  # three known races and the missing one


def test_intersections_show_small_cells_marked() -> None:
    report = eh.run(BINARY.model_copy(update={"intersections": 2, "small": 60}), people())
    crossed = [profile for profile in report.profiles if profile.facet == "sex × race"]
    assert len(crossed) == 8
    assert any(profile.small for profile in crossed)
    assert sum(profile.rows for profile in crossed) == 600


def test_the_four_fifths_rule_looks_at_the_group_selected_most() -> None:
    report = eh.run(BINARY, people(2_000))
    rates = {
        profile.group: next(rate.value for rate in profile.rates if rate.name == "predicted positive")
        for profile in report.profiles
        if profile.facet == "race" and "missing" not in profile.group
    }
    highest = max(rates, key=lambda group: rates[group] or 0.0)
    ratios = {finding.group: finding for finding in report.findings if finding.metric == "IR"}
    assert ratios.keys() == rates.keys() - {highest}
    for group, finding in ratios.items():
        assert finding.against == highest
        assert finding.value == pytest.approx((rates[group] or 0.0) / (rates[highest] or 1.0))


def test_weights_change_rates_and_widen_intervals() -> None:
    plain, weighted = (eh.run(audit, people()) for audit in (BINARY, BINARY.model_copy(update={"weight": "weight"})))
    first, second = found(plain, "DPPL", "sex=f"), found(weighted, "DPPL", "sex=f")
    assert first.value != second.value
    assert first.rows == second.rows
    assert first.interval is not None
    assert second.interval is not None
    assert second.interval.high - second.interval.low > first.interval.high - first.interval.low


# CI counts rows; ECED takes out what chance makes, which depends on how many independent rows there are.
LEFT_OUT = ("CI", "ECED")


def test_weights_of_one_and_two_count_as_repeated_rows() -> None:
    data = people(300)
    repeats = np.random.default_rng(2).integers(1, 3, 300)
    data["weight"] = repeats.astype(float)
    weighted = eh.run(BINARY.model_copy(update={"weight": "weight", "features": ()}), data)
    repeated = eh.run(
        BINARY.model_copy(update={"features": ()}), {name: np.repeat(column, repeats) for name, column in data.items()}
    )
    values = [
        [finding.value for finding in report.findings if finding.metric not in ("CI", "ECED")]
        for report in (weighted, repeated)
    ]
    assert [value is None for value in values[0]] == [value is None for value in values[1]]
    assert [value for value in values[0] if value is not None] == pytest.approx(
        [value for value in values[1] if value is not None]
    )


def test_dependent_rows_widen_intervals() -> None:
    data = people(300)
    repeated = {name: np.repeat(column, 8) for name, column in data.items()}
    repeated["person"] = np.repeat(np.arange(300), 8)
    single = found(eh.run(BINARY, data), "DPPL", "sex=f").interval
    naive = found(eh.run(BINARY, repeated), "DPPL", "sex=f").interval
    blocked = found(eh.run(BINARY.model_copy(update={"block": "person"}), repeated), "DPPL", "sex=f").interval
    assert single is not None
    assert naive is not None
    assert blocked is not None
    widths = [interval.high - interval.low for interval in (single, naive, blocked)]
    assert widths[1] < 0.5 * widths[0]
    assert widths[2] == pytest.approx(widths[0], rel=0.15)


def test_several_classes_are_never_collapsed() -> None:
    generator = np.random.default_rng(0)
    data = {
        "sex": generator.choice(np.array(["f", "m"], dtype=object), 900),
        "grade": generator.choice(np.array(["low", "middle", "high"], dtype=object), 900),
        "guess": generator.choice(np.array(["low", "middle", "high"], dtype=object), 900),
    }
    report = eh.run(eh.Audit(label="grade", predicted_label="guess", facets=("sex",)), data)
    assert report.outcome == "multiclass"
    recalls = {finding.label_class for finding in report.findings if finding.metric == "RD"}
    assert recalls == {"low", "middle", "high"}
    # No class is favourable by itself, so none is judged until a threshold is set.
    assert report.verdict == "not judged"
    judged = eh.run(eh.Audit(label="grade", predicted_label="guess", facets=("sex",), thresholds={"DI": 0.8}), data)
    assert {finding.metric for finding in judged.findings if finding.acceptable is not None} == {"DI"}
    shares = [
        [(data["grade"][data["sex"] == sex] == grade).mean() for grade in ("high", "low", "middle")] for sex in "fm"
    ]
    distance = np.abs(np.subtract(shares[0], shares[1])).sum() / 2
    assert found(report, "TVD", "sex=f").value == pytest.approx(distance)
    assert next(profile for profile in report.profiles if profile.group == "sex=f").labels.keys() == {
        "low",
        "middle",
        "high",
    }


def test_regression_errors_per_group() -> None:
    generator = np.random.default_rng(0)
    sex = generator.choice(np.array(["f", "m"], dtype=object), 2000)
    truth = generator.normal(100, 10, 2000)
    guess = truth + np.where(sex == "f", -5, 0) + generator.normal(0, np.where(sex == "f", 4, 2))
    data = {"sex": sex, "truth": truth, "guess": guess, "low": guess - 5, "high": guess + 5}
    audit = eh.Audit(label="truth", predicted_label="guess", facets=("sex",), prediction_interval=("low", "high"))
    report = eh.run(audit, data)
    assert report.outcome == "regression"
    errors = {name: guess[sex == name] - truth[sex == name] for name in "fm"}
    assert found(report, "MED", "sex=f").value == pytest.approx(errors["m"].mean() - errors["f"].mean())
    assert found(report, "MAED", "sex=f").value == pytest.approx(
        np.abs(errors["f"]).mean() - np.abs(errors["m"]).mean()
    )
    tails = [np.sort(np.abs(errors[name]))[-round(0.05 * len(errors[name])) :].mean() for name in "fm"]
    assert found(report, "TED", "sex=f").value == pytest.approx(tails[0] - tails[1], rel=0.06)
    inside = {name: (np.abs(errors[name]) <= 5).mean() for name in "fm"}
    assert found(report, "CD", "sex=f").value == pytest.approx(inside["m"] - inside["f"])


def test_a_facet_of_one_group_is_said() -> None:
    data = people() | {"country": np.array(["x"] * 600, dtype=object)}
    report = eh.run(BINARY.model_copy(update={"facets": ("sex", "country")}), data)
    assert "Facet country has one group only (country=x), so there is nothing to compare it with." in report.notes
    with pytest.raises(eh.DataError, match="Facet country has one group only"):
        eh.run(BINARY.model_copy(update={"facets": ("country",)}), data)


def test_many_features_mean_fewer_rows_for_the_flip_test() -> None:
    data = people(4_000)
    data |= {f"x{place}": np.random.default_rng(place).normal(size=4_000) for place in range(1_000)}
    tested = found(eh.run(BINARY, data), "FT", "sex=f")
    assert tested.rows + tested.rows_against <= 2_000


def test_every_row_left_out_is_counted() -> None:
    data = people()
    data["weight"] = np.where(np.arange(600) < 7, np.nan, 1.0)
    report = eh.run(BINARY.model_copy(update={"weight": "weight"}), data)
    assert {(missing.column, missing.rows, missing.policy) for missing in report.missing} >= {("weight", 7, "drop")}
    truth = np.where(np.arange(600) < 5, np.nan, data["score"])
    audit = eh.Audit(label="truth", predicted_label="score", facets=("sex",), outcome="regression")
    report = eh.run(audit, {"sex": data["sex"], "truth": truth, "score": data["score"]})
    assert [(missing.column, missing.rows) for missing in report.missing] == [("truth or score", 5)]


def test_one_undefined_metric_costs_no_other() -> None:
    data = people(200)
    data["label"] = np.where(data["sex"] == "f", 0, data["label"])
    report = eh.run(BINARY, data)
    recall = found(report, "RD", "sex=f")
    assert recall.value is None
    assert recall.verdict == "undefined"
    assert recall.reason == "the group has no positive labels"
    assert found(report, "DPPL", "sex=f").value is not None


def test_one_failing_metric_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    @eh.metric(
        code="BAD",
        stage="labels",
        needs="labels",
        parity=0.0,
        bounds=(-1, 1),
        harm="None.",
        above="{group}",
        below="{rest}",
    )
    def bad(comparison: object) -> Any:  # noqa: ARG001
        """A metric of another package that fails."""
        raise ZeroDivisionError("division by zero")

    known = {**registered(), "BAD": bad}
    monkeypatch.setattr("evenhand.metrics.registered", lambda: known)
    report = eh.run(BINARY, people())
    assert found(report, "BAD", "sex=f").reason == "it cannot be computed: division by zero"
    assert found(report, "DPL", "sex=f").value is not None


def test_values_nobody_has_are_named() -> None:
    with pytest.raises(
        eh.EvenhandError, match=r"None of the favourable values 7 occurs in 'label', which holds 0, 1\."
    ):
        eh.run(BINARY.model_copy(update={"positive": (7,)}), people())
    with pytest.raises(eh.EvenhandError, match=r"No row is in the group 'sex=x'\. 'sex' holds '[mf]', '[mf]'\."):
        eh.run(BINARY.model_copy(update={"facets": ("sex=x",)}), people())


def test_scores_alone_are_enough() -> None:
    report = eh.run(eh.Audit(score="score", facets=("sex",)), people())
    assert found(report, "MSD", "sex=f").value is not None
    assert found(report, "DI", "sex=f").value is not None
    assert not [finding for finding in report.findings if finding.stage == "errors"]


def test_the_seed_of_everything_is_in_the_provenance() -> None:
    report = eh.run(BINARY.model_copy(update={"seed": 7}), people())
    assert report.provenance.seed == 7
    assert report.provenance.rows == 600
    assert report.provenance.versions["evenhand"] == "0.1.0"


class Rule:
    """A model as scikit-learn knows them, with its classes in another order than the audit's."""

    classes_ = np.array(["no", "yes"], dtype=object)
    feature_names_in_ = np.array(["age", "income"], dtype=object)

    def predict_proba(self, rows: Any) -> Any:
        share = np.clip((np.asarray(rows["income"]) - 10_000) / 40_000, 0, 1)
        return np.stack([1 - share, share], axis=1)

    def predict(self, rows: Any) -> Any:
        return self.classes_[(self.predict_proba(rows)[:, 1] >= 0.5).astype(int)]


def test_a_model_gives_the_same_report_as_its_predictions_in_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evenhand.counting.MODEL_BATCH", 700)  # several batches, the last one short
    data = eh.demo_table(rows=2_000)
    rule = Rule()
    columns = data | {"guess": rule.predict(data), "chance": rule.predict_proba(data)[:, 1]}
    audit = eh.Audit(label="repaid", positive=("yes",), facets=("sex", "region"), features=())
    asked = eh.run(audit, data, rule)
    read = eh.run(audit.model_copy(update={"predicted_label": "guess", "score": "chance"}), columns)
    assert asked.findings == read.findings
    assert asked.provenance.model == "Rule"


def test_scores_are_those_of_the_favourable_class() -> None:
    data = eh.demo_table(rows=2_000)
    audit = eh.Audit(label="repaid", positive=("no",), facets=("sex",), features=())
    report = eh.run(audit, data, Rule())
    chance = 1 - Rule().predict_proba(data)[:, 1]
    means = {sex: chance[data["sex"] == sex].mean() for sex in ("Female", "Male")}
    assert found(report, "MSD", "sex=Female").value == pytest.approx(means["Male"] - means["Female"], abs=1e-3)


def test_predictions_come_from_one_place() -> None:
    with pytest.raises(eh.SpecError, match="from a model or from columns"):
        eh.run(BINARY, people(), lambda rows: np.zeros(len(rows)))


def test_a_model_of_quantities_between_zero_and_one() -> None:
    generator = np.random.default_rng(0)
    data = {"sex": np.array(["f", "m"] * 100, dtype=object), "x": generator.random(200)}
    data["truth"] = data["x"] + 0.1
    report = eh.run(
        eh.Audit(label="truth", facets=("sex",), outcome="regression"), data, lambda rows: np.asarray(rows["x"])
    )
    signed = next(profile for profile in report.profiles if profile.group == "sex=f").errors["mean error"]
    assert signed == pytest.approx(-0.1)


def test_a_function_sees_everything_but_the_label_even_without_a_flip_test() -> None:
    seen: list[str] = []

    def rule(rows: Any) -> Any:
        seen[:] = list(rows)
        return np.asarray(rows["income"]) > 25_000

    table = eh.demo_table(rows=500)
    audit = eh.Audit(label="repaid", positive=("yes",), facets=("sex",), features=(), stratum="education")
    report = eh.run(audit, table, lambda rows: np.where(rule(rows), "yes", "no"))
    assert set(seen) == table.keys() - {"repaid"}
    assert not [finding for finding in report.findings if finding.metric == "FT"]
