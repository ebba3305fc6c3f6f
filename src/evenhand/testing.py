"""assert_fair: a report as a test, and the pytest plugin that keeps the reports tests looked at.

pytest loads this file in every run of everyone who has evenhand installed, so it imports nothing until it is used.
"""

import os
import re
from collections.abc import Collection, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pytest
    from _pytest.terminal import TerminalReporter

    from evenhand.core.finding import Finding
    from evenhand.core.report import Report

# Verdicts that are no proof of unfairness, and no proof of fairness either.
Doubt = Literal["cannot tell", "too little data", "undefined"]
DOUBTS: tuple[Doubt, ...] = ("cannot tell", "too little data", "undefined")
MOST_SHOWN = 20
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def assert_fair(
    report: "Report | str | Path",
    *,
    metrics: Collection[str] | None = None,
    facets: Collection[str] | None = None,
    allow: Collection[Doubt] = DOUBTS,
) -> None:
    """Fail where a report has findings past their threshold, and say which in plain words.

    `report` is a Report or the path of a report.json. `metrics` and `facets` look at these alone. `allow` names the
    verdicts that pass without being proof: by default every doubt does; `allow=()` passes only what was shown to lie
    within its threshold. Raises AssertionError; SpecError where a name does not occur, and where nothing has a
    threshold, since such a test could never fail.
    """
    __tracebackhide__ = True  # pytest shows the caller's line
    found = _loaded(report)
    _keep(found)
    judged = _judged(found, metrics, facets)
    failing = [finding for finding in judged if not _passes(finding, _doubts(allow))]
    if failing:
        raise AssertionError(_told(found, failing, len(judged)))


def _loaded(report: "Report | str | Path") -> "Report":
    from evenhand.core.report import Report

    return report if isinstance(report, Report) else Report.load(report)


def _doubts(allow: Collection[Doubt]) -> Collection[str]:
    from evenhand.core.errors import SpecError, suggestion

    given = (allow,) if isinstance(allow, str) else tuple(allow)
    for verdict in given:
        if verdict not in DOUBTS:
            raise SpecError(f"allow={verdict!r} is no verdict that may pass.{suggestion(str(verdict), list(DOUBTS))}")
    return given


def _judged(report: "Report", metrics: Collection[str] | None, facets: Collection[str] | None) -> "list[Finding]":
    """The findings that were asked for and have a threshold."""
    from evenhand.core.errors import SpecError

    chosen = list(report.findings)
    chosen = _only(chosen, "metric", metrics)
    chosen = _only(chosen, "facet", facets)
    judged = [finding for finding in chosen if finding.acceptable is not None]
    if not judged:
        raise SpecError("Nothing that was asked for has a threshold, so this test could never fail; set thresholds.")
    return judged


def _only(
    findings: "list[Finding]", what: Literal["metric", "facet"], names: Collection[str] | None
) -> "list[Finding]":
    from evenhand.core.errors import SpecError, suggestion

    if names is None:
        return findings
    wanted = {names} if isinstance(names, str) else set(names)
    known = sorted({getattr(finding, what) for finding in findings})
    for name in sorted(wanted - set(known)):
        raise SpecError(f"The report has no {what} {name!r}.{suggestion(name, known)}")
    return [finding for finding in findings if getattr(finding, what) in wanted]


def _passes(finding: "Finding", doubts: Collection[str]) -> bool:
    return finding.verdict in ("within", "not judged") or finding.verdict in doubts


def _told(report: "Report", failing: "Sequence[Finding]", judged: int) -> str:
    from evenhand.core.visible import visible

    past = [finding for finding in failing if finding.verdict == "past"]
    unsure = [finding for finding in failing if finding.verdict != "past"]
    lines = [f"{visible(report.title)}: {len(failing)} of {judged} judged comparisons fail."]
    for title, group in (("Past the threshold:", past), ("Not shown to be fair:", unsure)):
        if group:
            lines += [title, *(f"  - {_line(finding)}" for finding in group[:MOST_SHOWN])]
            lines += [f"  … and {len(group) - MOST_SHOWN} more"] if len(group) > MOST_SHOWN else []
    return "\n".join(lines)


def _line(finding: "Finding") -> str:
    """One finding: its code, the sentence, the verdict where it is a doubt, and what would be acceptable."""
    from evenhand.core.visible import visible

    low, high = finding.acceptable or (float("-inf"), float("inf"))
    doubt = "" if finding.verdict == "past" else f" [{finding.verdict}]"
    named = finding.group if finding.label_class is None else f"{finding.group}, class {finding.label_class}"
    return visible(f"{finding.metric} of {named}: {finding.reading} Acceptable is {low:g} to {high:g}.{doubt}")


# --- the plugin


class Kept:
    """Where this run of pytest keeps the reports that its tests looked at, and how many there are."""

    folder: Path | None = None
    reports = 0


def pytest_addoption(parser: "pytest.Parser") -> None:
    """Add --evenhand-report."""
    group = parser.getgroup("evenhand")
    group.addoption(
        "--evenhand-report", metavar="FOLDER", default=None,
        help="keep every report that assert_fair looks at in this folder, as a page and as JSON",
    )  # fmt: skip


def pytest_configure(config: "pytest.Config") -> None:
    """Remember the folder, relative to where pytest was called."""
    given = config.getoption("--evenhand-report")
    Kept.folder = Path(config.invocation_params.dir, given) if given else None
    Kept.reports = 0


def pytest_unconfigure() -> None:
    """Keep nothing after the run."""
    Kept.folder = None


def pytest_terminal_summary(terminalreporter: "TerminalReporter") -> None:
    """Say where the reports are."""
    if Kept.folder is not None and Kept.folder.is_dir():
        terminalreporter.write_line(f"evenhand: the reports are in {Kept.folder}")


def _keep(report: "Report") -> None:
    """Write the page and the JSON of a report under the name of the test that runs."""
    if Kept.folder is None:
        return
    from evenhand.core.writing import write_whole
    from evenhand.renderers import render

    Kept.reports += 1
    place = Kept.folder / _file_name(os.environ.get("PYTEST_CURRENT_TEST", "report"), Kept.reports)
    write_whole(place.with_name(f"{place.name}.html"), render(report, "html"))
    write_whole(place.with_name(f"{place.name}.json"), report.to_json())


def _file_name(test: str, number: int) -> str:
    """A plain file name of a test's id, which may hold anything; the hash keeps those apart that look alike."""
    named = test.rpartition(" (")[0] or test
    readable = _UNSAFE.sub("_", named).strip("._") or "report"
    return f"{readable[-80:]}-{sha256(f'{named}{number}'.encode(errors='replace')).hexdigest()[:8]}"
