"""evenhand schema: the JSON Schema of audit files, or of report.json."""

import json
from typing import Annotated, Literal

import typer

from evenhand.cli.terminal import say


def schema(of: Annotated[Literal["audit", "report"], typer.Argument(help="audit or report")] = "audit") -> None:
    """Print the JSON Schema of an audit file, or of report.json."""
    from evenhand.core.audit_file import AuditFile
    from evenhand.core.report import Report

    found = AuditFile.model_json_schema() if of == "audit" else Report.json_schema()
    say(json.dumps(found, indent=2))
