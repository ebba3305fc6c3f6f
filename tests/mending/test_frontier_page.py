"""The page of a frontier: safe, complete without network, and readable at any width."""

import csv
import io
from pathlib import Path

import pytest

from evenhand.core.finding import Interval
from evenhand.core.frontier import Floor, Frontier, Measured, Payment, Point, Share
from evenhand.mending.files import table_of
from evenhand.renderers.frontier import lines, ordered, render_frontier
from tests.renderers.chromium import chromium, visiting

NAME = "equalized-odds:0.05"
HOSTILE = "<script>alert(1)</script>\u202e=cmd"


def measured(value: float) -> Measured:
    return Measured(
        value=value, interval=Interval(low=max(value - 0.02, 0), high=value + 0.02, level=0.95, method="made")
    )


def point(name: str, accuracy: float, violation: float, **more: object) -> Point:
    payment = Payment(
        group=HOSTILE, rows=10, selected_before=1, selected_after=2, gained=1, lost=0, errors_before=3, errors_after=3,
        mended=0, wronged=0, true_positive=None, false_positive=0.5,
    )  # fmt: skip
    given = {
        "name": name, "method": name, "setting": "", "stage": "after", "needs_facet": True, "randomised": False,
        "accuracy": measured(accuracy), "violations": {NAME: measured(violation)}, "accuracy_choosing": accuracy,
        "violations_choosing": {NAME: measured(violation)}, "within": True, "credible": True, "payments": (payment,),
    }  # fmt: skip
    return Point.model_validate(given | more)


def frontier(*points: Point) -> Frontier:
    floors = tuple(
        Floor(constraint=NAME, part=part, rows=9, typical=0.02, rare=0.05) for part in ("choosing", "judging")
    )
    return Frontier(
        source=HOSTILE, label=HOSTILE, positive=("1",), facets=(HOSTILE,), model="m", constraints=(NAME,),
        allowed={NAME: 0.05}, shares=(Share(name="judging", rows=9, use="judged"),), groups={HOSTILE: 9}, floors=floors,
        points=points, chosen=points[0].name, how="auto", reason=HOSTILE, level=0.95, seed=0, seconds=0.0,
    )  # fmt: skip


MADE = frontier(
    point("chosen", 0.86, 0.03), point("unmended", 0.87, 0.2, stage="none"), point("beaten", 0.85, 0.04, levels_down=(HOSTILE,)),
    point("far below", 0.4, 0.5, stage="before"), point(HOSTILE, 0.865, 0.1, stage="in"),
)  # fmt: skip


def test_efficient_points_are_those_that_nothing_beats() -> None:
    assert MADE.efficient == {"chosen", "unmended", HOSTILE}
    assert [each.name for each in ordered(MADE)][:2] == ["chosen", "unmended"]


def test_hostile_texts_do_nothing() -> None:
    page = render_frontier(MADE, remarks=(HOSTILE,))
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "default-src 'none'" in page
    assert all("\u202e" in line or "<" in line or line for line in lines(MADE))


def test_the_table_is_csv_that_spreadsheets_do_not_run() -> None:
    formula = point("=1+1", 0.9, 0.01)
    rows = list(csv.DictReader(io.StringIO(table_of(frontier(formula, *MADE.points)))))
    assert rows[0]["point"] == "'=1+1"
    assert float(rows[1][NAME]) == 0.03
    assert [row["chosen"] for row in rows] == ["True", *["False"] * 5]


def test_a_frontier_of_one_point_has_a_page() -> None:
    assert "Chosen" in render_frontier(frontier(point("alone", 1.0, 0.0)))


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_fits_and_runs_nothing(tmp_path: Path, width: int) -> None:
    path = tmp_path / "frontier.html"
    path.write_text(render_frontier(MADE), encoding="utf-8")
    with chromium() as browser, visiting(browser, path, width=width) as visit:
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        assert visit.messages == visit.dialogs == visit.stopped == []
        assert len(visit.requests) == 1


def test_a_thousand_groups_leave_the_page_light() -> None:
    payments = MADE.points[0].payments * 1_000
    points = [each.model_copy(update={"payments": payments, "levels_down": (HOSTILE,) * 1_000}) for each in MADE.points]
    page = render_frontier(frontier(*points * 8))
    assert len(page.encode()) < 500_000
    assert "970 more groups are in payments.csv" in page
    assert "and 995 more" in page


def test_a_refused_choice_says_so_and_marks_nothing_as_chosen() -> None:
    unmended, others = MADE.points[1], (MADE.points[0], *MADE.points[2:])
    refused = frontier(unmended, *others).model_copy(update={"how": "refused"})
    page = render_frontier(refused)
    assert not refused.kept
    assert "Nothing chosen: tighter than chance" in page
    assert ">chosen</text>" not in page
    assert ">chosen</text>" in render_frontier(MADE)
    assert any(line.startswith("Refused: ") for line in lines(refused))


def test_constraints_undone_have_marks_of_their_own() -> None:
    page = render_frontier(frontier(*MADE.points, point("x", 0.8, 0.2, method="grid, undone")))
    assert page.count('class="ma mu') == 2  # in the legend and in the chart
