"""evenhand validate: does the audit fit its data? Opens the data and looks at columns and types, and counts nothing."""

from typing import Annotated

import typer

from evenhand.cli.terminal import say


def validate(file: Annotated[str, typer.Argument(help="An audit file (.yaml).")]) -> None:
    """Check an audit file and the columns and types of its data, without counting."""
    from evenhand.core.audit_file import AuditFile
    from evenhand.core.plan import columns_of, plan
    from evenhand.sources import read

    request = AuditFile.load(file)
    frame = read(request.data, sheet=request.sheet, table=request.table, query=request.query, engine=request.engine)
    bound = plan(request.audit, frame)
    say(f"{file} is valid: a {bound.outcome} audit of {len(frame.kinds)} columns of {frame.location}.")
    for column, role in columns_of(request.audit, frame).items():
        say(f"  {role}: {column} ({frame.kinds[column]})")
    for note in (*frame.notes, *bound.notes):
        say(f"  {note}")
