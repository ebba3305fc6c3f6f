"""Mending as a whole: on the demo table, on Adult and COMPAS, and on input that makes no sense."""

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest

import evenhand as eh
from evenhand.core.frontier import Frontier
from evenhand.core.rule import Curves
from evenhand.mending import Asked, MendedTable, mend
from evenhand.mending.choosing import chosen_of, remarks
from evenhand.mending.files import deliver
from evenhand.mending.methods import METHODS, methods_of

Table = dict[str, Any]
AFTER = Asked(constraints=("equal-opportunity:0.1",), methods="thresholds,calibration,reject-option")


def audit(**more: Any) -> eh.Audit:
    return eh.Audit(**{"label": "repaid", "positive": ("yes",), "facets": ("sex",), "score": "score"} | more)


@pytest.fixture(scope="module")
def table() -> Table:
    return eh.demo_table(rows=12_000)


@pytest.fixture(scope="module")
def few(table: Table) -> Table:
    return {name: values[:1_500] for name, values in table.items()}


@pytest.fixture(scope="module")
def found(table: Table) -> MendedTable:
    """The demo's scores, mended: it misses 30 points of women's repayments more."""
    return mend(table, audit(), Asked(AFTER.constraints, AFTER.methods, auto=True, identity="person"))


def test_the_planted_gap_is_mended(found: MendedTable) -> None:
    frontier = found.frontier
    name = "equal-opportunity:0.1"
    assert frontier.named("unmended").violations[name].value == pytest.approx(0.3, abs=0.05)
    assert frontier.point.credible
    assert frontier.point.violations[name].value < 0.1
    assert "credibly within the tolerance, in " in frontier.reason
    assert frontier.point.confidence >= 0.95
    women = next(each for each in frontier.point.payments if each.group == "Female")
    assert women.gained > women.lost


def test_every_point_is_measured_on_the_judging_rows(found: MendedTable) -> None:
    judging = next(share.rows for share in found.frontier.shares if share.name == "judging")
    assert [share.name for share in found.frontier.shares] == ["choosing", "judging"]
    assert judging == sum(found.frontier.groups.values())
    for point in found.frontier.points:
        assert sum(payment.rows for payment in point.payments) == judging
        assert point.accuracy.interval.low <= point.accuracy.value <= point.accuracy.interval.high


def test_methods_that_are_there_all_have_points(found: MendedTable) -> None:
    methods = {point.method for point in found.frontier.points}
    assert {"unmended", "thresholds", "calibration", "reject-option"} == methods
    assert "thresholds without constraint" in found.candidates


def test_the_folder_is_a_model_that_decides_as_the_frontier_said(
    found: MendedTable, table: Table, tmp_path: Path
) -> None:
    deliver(found, tmp_path / "mended")
    model = eh.load_model(str(tmp_path / "mended" / "model"))
    frame = pd.DataFrame(table)
    assert set(model.features or ()) <= {"score", "sex", "person"}
    labels = model.predict(frame)["label"]
    assert set(labels) == {"yes", "no"}
    # One person always gets one answer, whoever else is asked about.
    assert (model.predict(frame.iloc[::-1])["label"][::-1] == labels).all()
    assert (model.predict(frame.iloc[:7])["label"] == labels[:7]).all()
    report = eh.run(audit(score=None), table, model)
    assert report.provenance.rows == 12_000
    assert Frontier.model_validate_json((tmp_path / "mended" / "frontier.json").read_text()) == found.frontier
    assert eh.Report.load(tmp_path / "mended" / "report.json") == found.after


def test_an_earlier_mending_is_replaced_and_other_files_are_not(found: MendedTable, tmp_path: Path) -> None:
    deliver(found, tmp_path / "mended")
    (tmp_path / "mended" / "stale").write_text("")
    deliver(found, tmp_path / "mended")
    names = {"before.json", "frontier.csv", "frontier.html", "frontier.json", "model", "report.html", "report.json"}
    names.add("payments.csv")
    assert {path.name for path in (tmp_path / "mended").iterdir()} == names
    assert [path.name for path in tmp_path.iterdir()] == ["mended"]
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "thesis.tex").write_text("")
    with pytest.raises(eh.SpecError, match="holds other files, which would be lost; name a new folder"):
        deliver(found, tmp_path / "own")


def test_deterministic_rules_have_no_chance(few: Table) -> None:
    asked = Asked(("equal-opportunity:0.3",), "thresholds,linear", deterministic=True)
    found = mend(few, audit(), asked).frontier
    assert {point.method for point in found.points} == {"unmended", "thresholds", "linear"}
    for point in found.points:
        assert not point.randomised


def test_facets_are_crossed_and_missing_is_a_group(table: Table) -> None:
    asked = Asked(("demographic-parity:0.9",), "calibration")
    found = mend(table, audit(facets=("sex", "region")), asked)
    assert "Female & (missing)" in found.frontier.groups
    assert "Male & North" in found.frontier.groups
    assert isinstance(found.candidates["calibration isotonic"].mended.rule, Curves)


def test_ages_are_divided_into_ranges(few: Table) -> None:
    found = mend(few, audit(facets=("age@30,50",)), Asked(("demographic-parity:0.2",), "calibration"))
    assert list(found.frontier.groups) == ["30 to below 50", "50 or more", "below 30"]


def test_a_ratio_and_several_constraints_at_once(table: Table) -> None:
    asked = Asked(("demographic-parity-ratio:0.85", "equal-opportunity:0.1"), "thresholds")
    found = mend(table, audit(), asked).frontier
    assert set(found.point.violations) == {"demographic-parity-ratio:0.85", "equal-opportunity:0.1"}
    assert found.allowed["demographic-parity-ratio:0.85"] == pytest.approx(0.15)
    assert found.point.within


def test_a_model_that_is_given_is_copied(table: Table, tmp_path: Path) -> None:
    frame = pd.DataFrame(table)
    data = lightgbm.Dataset(frame[["income", "debt", "score"]], (frame["repaid"] == "yes").astype(int))
    lightgbm.train({"objective": "binary", "verbosity": -1}, data, 20).save_model(tmp_path / "base.txt")
    found = mend(table, audit(score=None), Asked(AFTER.constraints, "thresholds"), model=str(tmp_path / "base.txt"))
    deliver(found, tmp_path / "mended")
    (tmp_path / "base.txt").unlink()
    model = eh.load_model(str(tmp_path / "mended" / "model"))
    assert set(model.features or ()) == {"income", "debt", "score", "sex"}
    assert len(model.predict(frame)["label"]) == len(frame)


@pytest.mark.slow
def test_every_method_saves_a_model_that_decides_as_it_was_judged(table: Table, tmp_path: Path) -> None:
    small = {name: values[:1_500] for name, values in table.items()}
    asked = Asked(("demographic-parity:0.5",), "all", identity="person")
    inputs = ("sex", "income", "debt", "education", "score")
    found = mend(small, audit(score=None, features=inputs, facets=("sex", "age@45")), asked)
    assert {point.method.removesuffix(", undone") for point in found.frontier.points} == {"unmended", *METHODS}
    frame = pd.DataFrame(small)
    for place, (name, candidate) in enumerate(found.candidates.items()):
        candidate.save(tmp_path / str(place))
        labels = eh.load_model(str(tmp_path / str(place))).predict(frame)["label"]
        people = _everyone(small)
        assert np.mean((labels == "yes") != candidate.decide(people)) == 0, name


def _everyone(table: Table) -> Any:
    from evenhand.mending.people import people_of
    from evenhand.sources import read

    return people_of(read(table), audit(score=None), identity="person", unused=())[0]


def test_adult(real_tables: Path) -> None:
    asked = eh.Audit(label="income-per-year", positive=(">50K",), facets=("sex",))
    found = mend(str(real_tables / "adult.csv"), asked, Asked(("demographic-parity:0.1",), "thresholds", auto=True))
    frontier, name = found.frontier, "demographic-parity:0.1"
    assert frontier.named("unmended").accuracy.value == pytest.approx(0.8705, abs=0.01)
    assert frontier.point.credible
    assert frontier.point.accuracy.value > 0.85
    assert frontier.point.violations[name].value < 0.1


def test_compas(real_tables: Path) -> None:
    asked = eh.Audit(label="two_year_recid", positive=(1,), facets=("race",), score="decile_score")
    table = str(real_tables / "compas_two_years.csv")
    with pytest.raises(eh.SpecError, match="goes from 1 to 10; say from where on it is positive: --score-threshold"):
        mend(table, asked, Asked(("equalized-odds:0.5",)))
    tight = mend(table, asked, Asked(("equalized-odds:0.05",), "thresholds", score_threshold=5))
    assert tight.frontier.how == "refused"
    assert tight.frontier.reason.startswith("equalized-odds:0.05 is tighter than chance")
    assert tight.after is None
    crossed = asked.model_copy(update={"facets": ("sex",)})
    found = mend(table, crossed, Asked(("demographic-parity:0.1",), "reject-option,linear", score_threshold=5)).frontier
    assert len(found.points) > 1
    assert any("linear was left out: it needs probabilities" in text for text in found.refused)


WRONG = [
    ({}, (), "Say what is to hold: --constraint equalized-odds:0.05"),
    ({}, ("fairness:0.1",), "No constraint is called 'fairness'"),
    ({"label": None}, ("equal-opportunity:0.2",), "Mending needs the column of true outcomes"),
    ({"facets": ("sexe",)}, ("equal-opportunity:0.2",), "No column 'sexe' in the data. Did you mean 'sex'?"),
    ({"facets": ("sex=Femal",)}, ("equal-opportunity:0.2",), "has one group only (not (sex=Femal))"),
    ({"facets": ()}, ("equal-opportunity:0.2",), "No facet: name at least one column or group to compare"),
    ({"label": "income", "positive": ()}, ("equal-opportunity:0.2",), "barycentre.QuantileBarycentre around a regr"),
    ({"label": "education", "positive": ()}, ("equal-opportunity:0.2",), "Mending needs two outcomes"),
    ({"label": "region", "positive": ("North",)}, ("equal-opportunity:0.2",), None),
    ({"score": "education"}, ("equal-opportunity:0.2",), "Column 'education' holds text, where numbers are needed"),
    ({"score": "nothing"}, ("equal-opportunity:0.2",), "No column 'nothing' in the data."),
]


@pytest.mark.parametrize(("more", "constraints", "message"), WRONG)
def test_one_line_says_what_is_wrong(
    table: Table, more: Table, constraints: tuple[str, ...], message: str | None
) -> None:
    asked = Asked(constraints, "thresholds")
    if message is None:
        assert any("without a label" in note for note in mend(table, audit(**more), asked).frontier.notes)
        return
    with pytest.raises(eh.EvenhandError) as caught:
        mend(table, audit(**more), asked)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def made(rows: int, **more: Any) -> Table:
    generator = np.random.default_rng(0)
    given = {
        "label": generator.integers(0, 2, rows),
        "group": generator.integers(0, 2, rows),
        "score": generator.random(rows),
    }
    return given | {name: np.asarray(values) for name, values in more.items()}


SMALL = eh.Audit(label="label", positive=(1,), facets=("group",), score="score")
LOOSE = Asked(("demographic-parity:0.5",), "thresholds")


def test_degenerate_tables_get_an_answer_each() -> None:
    with pytest.raises(eh.DataError, match="1 rows have a label; mending needs at least 40"):
        mend(made(1, label=[1]), SMALL, LOOSE)
    with pytest.raises(eh.DataError, match=r"group has one group only \(0\), so there is nothing to mend"):
        mend(made(400, group=np.zeros(400, int)), SMALL, LOOSE)
    with pytest.raises(eh.DataError, match="No row has the other label"):
        mend(made(400, label=np.ones(400, int)), SMALL, LOOSE)
    with pytest.raises(
        eh.SpecError, match=r"has 1,000 different numbers; divide it into ranges, such as group@250,500"
    ):
        mend(made(4_000, group=np.arange(4_000) % 1_000), SMALL, LOOSE)


def test_constant_scores_and_a_group_of_one_label_still_give_points() -> None:
    constant = mend(made(1_000, score=np.full(1_000, 0.5)), SMALL, LOOSE).frontier
    assert constant.named("unmended").violations["demographic-parity:0.5"].value == 0
    table = made(1_000)
    table["label"] = np.where(table["group"] == 0, 1, table["label"])
    found = mend(table, SMALL, LOOSE).frontier
    assert next(each for each in found.point.payments if each.group == "0").false_positive is None


def test_where_nothing_is_within_the_closest_point_is_taken_and_said_so(found: MendedTable) -> None:
    points = [point.model_copy(update={"credible": False}) for point in found.frontier.points]
    best, reason = chosen_of(points, auto=True)
    assert best.confidence == max(point.confidence for point in points)
    assert reason.startswith("No point is credibly within the tolerance")


def test_levelling_down_and_rules_by_group_are_said_plainly(found: MendedTable) -> None:
    point = found.frontier.point.model_copy(update={"levels_down": ("Male",), "needs_facet": True})
    others = tuple(each for each in found.frontier.points if each.name != point.name)
    said = remarks(found.frontier.model_copy(update={"points": (point, *others)}))
    assert said[0].startswith("Levelling down: Male lost, and no group gained.")
    assert "no legal advice" in said[1]


def test_methods_by_name() -> None:
    assert set(methods_of("all", training=True)) == set(METHODS)
    assert set(methods_of("all", training=False)) == {"thresholds", "linear", "calibration", "reject-option"}
    assert methods_of("thresholds, reweighing", training=True) == ("thresholds", "reweighing")
    with pytest.raises(eh.SpecError, match="reweighing trains a model, and one was given"):
        methods_of("reweighing", training=False)
    with pytest.raises(eh.SpecError, match=r"No method is called 'tresholds'\. Did you mean 'thresholds'\?"):
        methods_of("tresholds", training=True)
