"""Discovering as a user does it: what is found, that audits say the same, and clear answers to everything else."""

from typing import Any

import numpy as np
import pytest

import evenhand as eh
from evenhand.core.subgroup import Subgroup
from tests.discovering.planted import AUDIT, GROUP, in_group, table

SEARCHES: Any = ("lattice", "scan", "tree", "linear")


def audited(data: Any, group: str, metric: str, **fields: Any) -> eh.Finding:
    """What an audit with the found text as its facet says of the group."""
    report = eh.run(eh.Audit(**{**AUDIT, **fields}, facets=[group], metrics=[metric]), data)
    return next(each for each in report.findings if each.group == group and each.metric == metric)


@pytest.mark.parametrize("by", [("lattice",), ("scan",), ("tree",), ("linear",), SEARCHES])
def test_a_planted_group_is_found_once(by: Any) -> None:
    found = eh.discover(table(100_000, 0), AUDIT, "error", by=by)
    # A linear threshold may cut the last condition elsewhere.
    assert [each.group.split(" & age<")[0] for each in found.subgroups] == [GROUP.split(" & age<")[0]]
    assert by == ("linear",) or found.subgroups[0].group == GROUP
    assert found.subgroups[0].found_by == by[0]
    assert found.subgroups[0].interval.low > 0.05
    assert found.honest == "halves"


def test_other_names_of_the_group_stand_beside_it() -> None:
    group = eh.discover(table(40_000, 0), AUDIT, "error").subgroups[0]
    assert 1 <= len(group.also) <= 3
    assert len({group.group, *group.also}) == 1 + len(group.also)
    data = table(40_000, 0)
    frame = eh.read(data)
    for text in group.also:
        held = frame.rows({"in": eh.Group.parse(text).expression(frame.expressions)}, 40_000, 0)["in"].astype(bool)
        planted = in_group(data)
        assert (held & planted).sum() >= 0.45 * (held | planted).sum()


@pytest.mark.parametrize("seed", range(3))
def test_a_small_group_is_found_behind_a_large_one(seed: int) -> None:
    """The strongest hundreds of candidates are all names of the large groups."""
    data = table(50_000, seed, base=0.1)
    large = np.isin(data["letter0"], ["1", "2"])
    wrong = large & (np.random.default_rng(100 + seed).random(50_000) < 0.3)
    data["prediction"] = np.where(wrong, 1 - data["label"], data["prediction"])
    found = [each.group for each in eh.discover(data, AUDIT, "error").subgroups]
    assert set(found) == {'letter0="1"', 'letter0="2"', GROUP} or GROUP in found[:3]


def test_permutations_find_it_too_and_nothing_else() -> None:
    found = eh.discover(table(40_000, 0), AUDIT, "error", honest="permutations")
    assert [each.group for each in found.subgroups] == [GROUP]
    assert found.subgroups[0].p_value == 1 / 200
    assert found.subgroups[0].interval.low <= 0.15 <= found.subgroups[0].interval.high


@pytest.mark.parametrize("honest", ["halves", "permutations"])
def test_nothing_is_found_where_there_is_nothing(honest: Any) -> None:
    assert eh.discover(table(20_000, 1, gap=0.0), AUDIT, "error", honest=honest).subgroups == ()


@pytest.mark.parametrize("missing", [False, True])
def test_an_audit_says_the_same_of_the_group(missing: bool) -> None:
    data = table(30_000, 3, gap=0.3)
    if missing:
        gone = np.random.default_rng(9).random(30_000) < 0.1
        data["taste"] = [None if absent else str(value) for value, absent in zip(data["taste"], gone, strict=True)]
        data["label"] = [None if place % 17 == 0 else int(value) for place, value in enumerate(data["label"])]
    group = eh.discover(data, AUDIT, "error").subgroups[0]
    assert group.group == GROUP
    finding = audited(data, group.group, "AD")
    assert abs(finding.value or 0.0) == pytest.approx(group.audited - group.audited_elsewhere, abs=1e-12)
    # Those with no value are in neither: the rest is whoever is known to be outside.
    assert (finding.rows + finding.rows_against < 30_000) == missing


@pytest.mark.parametrize("outcome", ["false positives", "false negatives", "selection", "label"])
def test_each_outcome_is_what_audits_call_so(outcome: str) -> None:
    data = table(30_000, 4, gap=0.0)
    changed = in_group(data) & (np.random.default_rng(0).random(30_000) < 0.5)
    column = "label" if outcome == "label" else "prediction"
    data[column] = np.where(changed, 0 if outcome == "false negatives" else 1, data[column])
    best = eh.discover(data, AUDIT, outcome, support=0.005).subgroups[0]
    assert best.group == GROUP
    report = eh.run(eh.Audit(**AUDIT, facets=[GROUP]), data)
    profile = {each.group: each for each in report.profiles}[GROUP]
    counts = profile.confusion
    assert counts is not None
    rates = {
        "false positives": counts.false_positive / (counts.false_positive + counts.true_negative),
        "false negatives": counts.false_negative / (counts.false_negative + counts.true_positive),
        "selection": (counts.true_positive + counts.false_positive) / profile.rows,
        "label": (counts.true_positive + counts.false_negative) / profile.rows,
    }
    assert best.audited == pytest.approx(rates[outcome], abs=1e-12)


def test_less_and_either_are_looked_for_too() -> None:
    data = table(40_000, 5, gap=-0.15)
    assert eh.discover(data, AUDIT, "error").subgroups == ()
    for direction in ("less", "either"):
        found = eh.discover(data, AUDIT, eh.Question(outcome="error", direction=direction))
        assert [each.group for each in found.subgroups] == [GROUP]
        assert found.subgroups[0].gap < 0
        assert "points less" in found.subgroups[0].reading


def test_errors_of_quantities_and_of_transcripts() -> None:
    data = table(20_000, 6)
    generator = np.random.default_rng(6)
    label = generator.normal(50, 10, 20_000)
    off = generator.normal(0, np.where(in_group(data), 9, 4))
    quantities = {**data, "label": label, "prediction": label + off}
    found = eh.discover(quantities, {"label": "label", "predicted_label": "prediction"}, "regression error")
    assert [each.group for each in found.subgroups] == [GROUP]
    assert found.subgroups[0].audited == pytest.approx(np.abs(off)[in_group(data)].mean())
    words = {**{name: data[name] for name in data if name not in ("label", "prediction")}, "word errors": np.abs(off)}
    said = eh.discover(words, {}, eh.Question(outcome="column", column="word errors"))
    assert [each.group for each in said.subgroups] == [GROUP]
    assert said.subgroups[0].value == found.subgroups[0].value
    assert "word errors is" in said.subgroups[0].reading


def test_a_model_is_asked() -> None:
    from sklearn.tree import DecisionTreeClassifier

    pandas = pytest.importorskip("pandas")
    data = pandas.DataFrame(table(30_000, 7))
    features = ["age", "letter0"]
    model = DecisionTreeClassifier(max_depth=2).fit(data[features].astype(float), data["label"])
    data["label"] = np.where(in_group(data), 1 - model.predict(data[features].astype(float)), data["label"])
    found = eh.discover(data, {"label": "label", "positive": [1], "features": features}, "error", model=model)
    assert GROUP in [each.group for each in found.subgroups]
    assert "prediction" in found.columns  # to the audit of a model this is a column like any other
    with pytest.raises(eh.SpecError, match="A model says nothing about label; leave it out"):
        eh.discover(data, {"label": "label", "positive": [1]}, "label", model=model)


def test_several_classes_have_errors() -> None:
    data = table(20_000, 8, gap=0.3)
    names = np.array(["low", "middle", "high"])
    generator = np.random.default_rng(8)
    label = generator.integers(0, 3, 20_000)
    wrong = data["label"] != data["prediction"]
    classes = {**data, "label": names[label], "prediction": names[np.where(wrong, (label + 1) % 3, label)]}
    asked = {"label": "label", "predicted_label": "prediction"}
    assert [each.group for each in eh.discover(classes, asked, "error").subgroups] == [GROUP]
    with pytest.raises(eh.SpecError, match="several classes; for selection say which are favourable"):
        eh.discover(classes, asked, "selection")


def test_names_of_any_kind_are_found_and_read_back() -> None:
    data = table(20_000, 9, gap=0.3)
    odd = {"0": "<script>", "1": 'a "b" & c', "2": "女性 | ~", "3": "x=1,y", "4": "true"}
    strange = {**data, 'who? <b> & "é"': [odd[value] for value in data["color"]]}
    del strange["color"]
    found = eh.discover(strange, AUDIT, "error").subgroups[0]
    assert "女性" in found.group
    assert set(eh.Group.parse(found.group).columns) == {'who? <b> & "é"', "taste", "age"}
    assert abs(audited(strange, found.group, "AD").value or 0.0) == pytest.approx(
        found.audited - found.audited_elsewhere
    )


def test_missing_values_can_be_the_group() -> None:
    data = table(20_000, 10, gap=0.0)
    gone = np.random.default_rng(1).random(20_000) < 0.05
    data["taste"] = [None if absent else str(value) for value, absent in zip(data["taste"], gone, strict=True)]
    data["prediction"] = np.where(gone & (data["age"] < 50), 1 - data["label"], data["prediction"])
    found = eh.discover(data, AUDIT, "error").subgroups[0]
    assert "taste is missing" in found.group
    assert abs(audited(data, found.group, "AD").value or 0.0) == pytest.approx(found.audited - found.audited_elsewhere)


def test_columns_that_divide_nothing_are_left_out() -> None:
    data = table(20_000, 11)
    data |= {"one": ["x"] * 20_000, "nothing": [None] * 20_000, "id": [f"i{place}" for place in range(20_000)]}
    found = eh.discover(data, AUDIT, "error")
    assert [each.group for each in found.subgroups] == [GROUP]
    assert not {"one", "nothing", "id"} & set(found.columns)
    assert any("left out: one, nothing, id." in note for note in found.notes)


def test_the_same_table_gives_the_same_answer_in_any_order_of_columns() -> None:
    data = table(20_000, 12)
    first = eh.discover(data, AUDIT, "error")
    second = eh.discover(dict(reversed(data.items())), AUDIT, "error")
    assert [(set(each.group.split(" & ")), each.gap) for each in first.subgroups] == [
        (set(each.group.split(" & ")), each.gap) for each in second.subgroups
    ]


@pytest.mark.slow
def test_dependent_rows_stay_together() -> None:
    data = table(6_000, 13, gap=0.0)
    copied = {name: np.repeat(values, 20) for name, values in data.items()}
    person = np.repeat(np.arange(6_000), 20)
    alone = [
        bool(eh.discover(copied, {**AUDIT, "seed": seed}, "error", columns=("color", "age")).subgroups)
        for seed in range(4)
    ]
    assert any(alone)  # copies of one person look like evidence
    for seed in range(4):
        asked = {**AUDIT, "block": "person", "seed": seed}
        assert eh.discover({**copied, "person": person}, asked, "error", columns=("color", "age")).subgroups == ()
    with pytest.raises(eh.SpecError, match="Rows of a block cannot be shuffled one by one; use halves"):
        eh.discover({**copied, "person": person}, asked, "error", honest="permutations")


def test_a_constant_outcome_has_no_groups() -> None:
    data = table(2_000, 14)
    for prediction in (data["label"], 1 - data["label"]):
        for honest in ("halves", "permutations"):
            found = eh.discover({**data, "prediction": prediction}, AUDIT, "error", by=("lattice",), honest=honest)
            assert found.subgroups == ()
            assert found.minimum_detectable is None
        assert eh.discover({**data, "prediction": prediction}, AUDIT, "error", by=SEARCHES).subgroups == ()


def test_an_audit_may_be_given_as_such() -> None:
    data = table(40_000, 0)
    audit = eh.Audit(**AUDIT, facets=["color", "age<30"], level=0.99)
    found = eh.discover(data, audit, eh.Question(outcome="error"))
    assert [each.group for each in found.subgroups] == [GROUP]
    assert found.subgroups[0].interval.level == 0.99


def test_only_the_columns_asked_for() -> None:
    found = eh.discover(table(40_000, 0), AUDIT, "error", columns=("color", "taste"), depth=5)
    assert [each.group for each in found.subgroups] == ['color="2" & taste="4"']
    assert found.depth == 2


def test_a_discovery_reads_back() -> None:
    from evenhand.core.subgroup import Discovery

    found = eh.discover(table(20_000, 2), AUDIT, "error")
    assert Discovery.model_validate_json(found.model_dump_json()) == found
    assert isinstance(found.subgroups[0], Subgroup)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"question": "mistakes"}, "No outcome is called 'mistakes'"),
        ({"question": "column"}, "Say which column of numbers to look at"),
        ({"depth": 0}, "depth is 0; a group needs at least 1 condition."),
        ({"support": 0.5}, "support is 0.5; it is the least share of the rows, above 0 and below 0.5."),
        ({"most": 0}, "most is 0; ask for at least 1 group."),
        ({"honest": "quarters"}, "No way is called 'quarters'"),
        ({"by": ()}, "Name at least one search: lattice, scan, tree or linear."),
        ({"by": ("latice",)}, "No search is called 'latice'"),
        ({"columns": ("colour",)}, "colour"),
        ({"columns": ("label",)}, "Groups cannot be made of 'label'"),
        ({"audit": {"label": "label", "positive": [1]}}, "error needs the prediction: give predicted_label, score or a"),
        ({"audit": {}}, "Nothing to audit: give label, predicted_label or score."),
        ({"audit": {**AUDIT, "positive": [7]}}, "None of the favourable values 7 occurs"),
        ({"audit": {**AUDIT, "levels": 2}}, "levels"),
        ({"question": "regression error", "audit": {"label": "label"}}, "A regression error needs the columns"),
        ({"question": eh.Question(outcome="column", column="color")}, "Column 'color' holds no numbers"),
        ({"question": eh.Question(outcome="column", column="nope")}, "nope"),
        ({"question": "error", "audit": {"label": "age", "predicted_label": "label"}}, "The label is a quantity"),
        ({"data": {"label": [], "prediction": [], "x": []}}, "The table holds no rows (a dict of columns)."),
        ({"data": {"label": [0, 1], "prediction": [1, 1]}}, "Every column is used by the audit"),
        ({"data": {"label": [0, 1] * 99, "prediction": [1, 1] * 99, "x": ["a"] * 198}}, "No column is left that groups"),
        ({"data": {"label": [None, 1], "prediction": [1, None], "x": ["a", "b"]}}, "No row can show error"),
        ({"data": {"label": [0], "prediction": [1], "x": ["a"]}}, "None of the favourable values 1 occurs in 'label'"),
        ({"data": {"label": [1], "prediction": [1], "x": ["a"]}}, "No column is left"),
    ],
)  # fmt: skip
def test_bad_questions_get_one_line(change: dict[str, Any], message: str) -> None:
    arguments = {"data": table(500, 0), "audit": AUDIT, "question": "error", **change}
    with pytest.raises(eh.EvenhandError) as error:
        eh.discover(**arguments)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
