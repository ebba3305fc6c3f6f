"""What a report shows and in which order."""

import math

import pytest

from evenhand.core.finding import Finding
from evenhand.renderers import outline
from tests.renderers.extremes import large
from tests.renderers.reports import CROSSED, GROUPS, NOTES, binary, finding


def of(value: float | None, acceptable: tuple[float, float] | None, ratio: bool = False) -> Finding:
    return finding(NOTES[1] if ratio else NOTES[0], GROUPS[0], value, acceptable=acceptable)


@pytest.mark.parametrize(
    ("found", "distance"),
    [
        (of(0.1, (-0.1, 0.1)), 1.0),
        (of(-0.3, (-0.1, 0.1)), 3.0),
        (of(0.8, (0.8, 1.25), ratio=True), 1.0),
        (of(0.64, (0.8, 1.25), ratio=True), 2.0),
        (of(1.5625, (0.8, 1.25), ratio=True), 2.0),
        (of(0.0, (0.8, 1.25), ratio=True), math.inf),
        (of(math.inf, (0.8, 1.25), ratio=True), math.inf),
        (of(3.0, (0.8, math.inf), ratio=True), 0.0),
        (of(0.3, (0.0, 0.0)), math.inf),
        (of(None, (-0.1, 0.1)), 0.0),
        (of(0.3, None), 0.0),
    ],
)
def test_distance_counts_in_tolerances_and_ratios_by_factors(found: Finding, distance: float) -> None:
    assert outline.distance(found) == pytest.approx(distance)


def test_what_stands_out_is_sorted_by_distance() -> None:
    distances = [outline.distance(group.findings[0]) for group in outline.standing_out(binary())]
    assert distances == sorted(distances, reverse=True)
    for group in outline.standing_out(binary()):
        inside = [outline.distance(found) for found in group.findings]
        assert inside == sorted(inside, reverse=True)


def test_the_two_sides_of_one_gap_stand_out_once() -> None:
    groups = {group.group: group.mirror for group in outline.standing_out(binary()) if group.facet == "sex"}
    assert groups == {"sex=Female": "sex=Male"}


def test_a_side_alone_past_its_threshold_still_stands_out() -> None:
    report = binary()
    alone = tuple(found for found in report.findings if found.group != "sex=Female")
    groups = [group.group for group in outline.standing_out(report.model_copy(update={"findings": alone}))]
    assert "sex=Male" in groups


def test_every_finding_and_group_is_in_exactly_one_part() -> None:
    for report in (binary(), large(3, 2, 4)):
        parts = outline.parts(report)
        assert sorted(part.facet for part in parts) == sorted({profile.facet for profile in report.profiles})
        assert sum(len(part.findings) for part in parts) == len(report.findings)
        assert sum(len(part.profiles) for part in parts) == len(report.profiles)
        assert sum(len(row) for part in parts for row in part.questions.values()) == len(report.findings)


def test_crossings_come_last() -> None:
    assert [part.crossed for part in outline.parts(binary())] == [False, False, True]


def test_a_grid_has_every_crossed_group_once() -> None:
    grid = outline.parts(binary())[-1].grid()
    assert grid is not None
    assert grid.rows == ("race=White", "race=Black", "race=Asian", "race=Native")
    assert grid.columns == ("sex=Female", "sex=Male")
    assert sorted(profile.group for profile in grid.cells.values()) == sorted(counts.group for counts in CROSSED)


def test_three_facets_share_the_rows_of_a_grid() -> None:
    part = outline.parts(binary())[-1]
    profile = part.profiles[0].model_copy(update={"group": "race=White & sex=Female & age<25"})
    grid = outline.Part(1, "race × sex × age@25", (profile,), ()).grid()
    assert grid is not None
    assert list(grid.cells) == [("race=White & sex=Female", "age<25")]


@pytest.mark.parametrize("group", ["no text form <", "race=White", "race=White & sex=Female & age<25"])
def test_groups_that_are_no_pairs_make_no_grid(group: str) -> None:
    part = outline.parts(binary())[-1]
    odd = part.profiles[0].model_copy(update={"group": group})
    assert outline.Part(1, part.facet, (odd,), ()).grid() is None


def test_two_groups_set_apart_are_no_column_of_the_table() -> None:
    part = outline.parts(binary())[1]
    pair = finding(NOTES[3], GROUPS[2], 0.2, against="race=Other")
    wider = outline.Part(2, "race", part.profiles, (*part.findings, pair))
    assert wider.pairs == part.pairs
    assert wider.apart == (pair,)
    assert part.apart == ()


def test_all_pairs_are_columns() -> None:
    findings = tuple(
        finding(note, GROUPS[2], 0.1, against=against) for note in NOTES for against in ("race=Asian", "race=Other")
    )
    part = outline.Part(1, "race", (), findings)
    assert part.pairs == (("race=White", "race=Asian"), ("race=White", "race=Other"))
    assert part.many_against


def test_every_question_of_the_table_is_in_one_of_its_halves() -> None:
    part = outline.parts(binary())[0]
    unjudged = tuple(found.model_copy(update={"metric": "X", "verdict": "not judged"}) for found in part.findings[:1])
    mixed = outline.Part(1, "sex", part.profiles, (*part.findings, *unjudged))
    assert list(mixed.rows(judged=False)) == [("X", None)]
    assert mixed.rows(judged=True).keys() | mixed.rows(judged=False).keys() == mixed.questions.keys()


def test_the_direction_of_a_metric_is_said_of_groups_in_general() -> None:
    note = NOTES[0].model_copy(update={"direction": "Above parity: {group} is selected less often than {rest} {x}."})
    assert outline.direction(note) == "Above parity: the group is selected less often than the rest {x}."


def test_the_short_name_leaves_out_the_facet_only() -> None:
    part = outline.parts(binary())[0]
    assert part.short("sex=Female") == "Female"
    assert part.short("sex is missing") == "sex is missing"
    assert part.short("sex=") == "sex="


def test_what_cannot_be_told_is_grouped_by_who() -> None:
    assert {group: len(findings) for (_, group), findings in outline.undecided(binary()).items()} == {
        "race=Native": 4,
        "race=Other": 4,
        "race=Native & sex=Female": 4,
    }
