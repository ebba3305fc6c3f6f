"""The report as JSON: the same text as `report.json`, which reads back as an equal report."""

from evenhand.core.report import Report


def render(report: Report, *, against: Report | None = None) -> str:  # noqa: ARG001
    """The report alone; an earlier report has its own JSON, so the text holds no comparison."""
    return report.to_json()
