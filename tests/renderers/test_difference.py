"""Laws of the comparison of two reports."""

import pytest

from evenhand.core.finding import Finding
from evenhand.core.report import Report
from evenhand.renderers.difference import Change, difference
from tests.renderers.reports import binary, multiclass, provenance


def changed(report: Report, number: int, **update: object) -> Report:
    findings = list(report.findings)
    findings[number] = findings[number].model_copy(update=update)
    return report.model_copy(update={"findings": tuple(findings)})


def shifted(finding: Finding, by: float) -> dict[str, object]:
    assert finding.value is not None and finding.interval is not None
    interval = finding.interval
    ends = {"low": interval.low + by, "high": interval.high + by}
    return {"value": finding.value + by, "interval": interval.model_copy(update=ends)}


def test_a_report_does_not_differ_from_itself() -> None:
    same = difference(binary(), binary())
    assert (same.appeared, same.vanished, same.judged_anew, same.moved, same.asked) == ((), (), (), (), ())
    assert same.unchanged == len(binary().findings)
    assert same.same_data


def test_swapping_the_reports_swaps_what_appeared_and_what_vanished() -> None:
    later = changed(binary(), 0, group="sex=Other")
    there, back = difference(binary(), later), difference(later, binary())
    assert [finding.group for finding in there.appeared] == ["sex=Other"]
    assert there.appeared == back.vanished
    assert there.vanished == back.appeared


@pytest.mark.parametrize("field", ["metric", "facet", "group", "against", "label_class"])
def test_every_part_of_the_question_tells_findings_apart(field: str) -> None:
    there = difference(binary(), changed(binary(), 3, **{field: "something else"}))
    assert (len(there.appeared), len(there.vanished)) == (1, 1)


def test_every_question_lands_in_exactly_one_list() -> None:
    later = changed(changed(binary(), 0, verdict="within"), 5, **shifted(binary().findings[5], 0.5))
    later = later.model_copy(update={"findings": later.findings[:-3]})
    there = difference(binary(), later)
    assert len(there.judged_anew) == len(there.moved) == 1
    in_both = len(there.judged_anew) + len(there.moved) + there.unchanged
    assert in_both + len(there.vanished) == len(binary().findings)
    assert in_both + len(there.appeared) == len(later.findings)


def test_a_verdict_that_turned_to_past_is_worse_and_back_is_not() -> None:
    better = changed(binary(), 0, verdict="within")
    assert len(difference(better, binary()).worse) == 1
    assert difference(binary(), better).worse == ()


@pytest.mark.parametrize(
    ("by", "separate", "word"), [(0.001, False, "overlap"), (5.0, True, "apart"), (-5.0, True, "apart")]
)
def test_a_move_is_marked_where_the_intervals_no_longer_overlap(by: float, separate: bool, word: str) -> None:
    earlier = binary().findings[0]
    change = Change(earlier, earlier.model_copy(update=shifted(earlier, by)))
    assert change.separate is separate
    assert change.intervals == word


def test_without_intervals_nothing_is_said_of_their_overlap() -> None:
    earlier = binary().findings[0].model_copy(update={"interval": None})
    assert Change(earlier, binary().findings[1]).intervals == "not given"


def test_other_data_and_other_questions_are_noticed() -> None:
    later = binary().model_copy(update={"provenance": provenance(fingerprint="0" * 64), "audit": multiclass().audit})
    there = difference(binary(), later)
    assert not there.same_data
    assert ("label", "qualified", "priority") in there.asked
