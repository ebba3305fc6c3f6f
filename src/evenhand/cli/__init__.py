"""The command `evenhand`: one file a command; each reads its input, calls one verb and prints."""

import sys

import typer

from evenhand.cli import (
    audit,
    bounty,
    clarify,
    clarify_check,
    clarify_explainer,
    demo,
    discover,
    explain,
    mend,
    metrics,
    monitor,
    schema,
    serve,
    validate,
)
from evenhand.cli.terminal import FindingsFound, complain
from evenhand.core.errors import EvenhandError

app = typer.Typer(
    help="Audit data and models for bias: where groups are treated differently, by how much, and how sure that is.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("audit")(audit.audit)
app.command("explain")(explain.explain)
app.command("discover")(discover.discover)
app.command("mend")(mend.mend)
app.command("demo")(demo.demo)
app.command("validate")(validate.validate)
app.command("schema")(schema.schema)
app.command("metrics")(metrics.metrics)
app.command("serve")(serve.serve)
clarify.app.command("check")(clarify_check.check)
clarify.app.command("explainer")(clarify_explainer.clarify_explainer)
app.add_typer(clarify.app, name="clarify")
app.add_typer(monitor.app, name="monitor")
app.add_typer(bounty.app, name="bounty")


def main() -> None:
    """Run the command: exit 0 when no finding is past its threshold, 2 when one is, 1 on errors."""
    sys.exit(_exit_code())


def _exit_code() -> int:
    try:
        app()
    except FindingsFound:
        return 2
    except EvenhandError as error:
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        complain("Stopped.")
        return 1
    except SystemExit as end:
        # Wrong usage ends with 2 by custom, but 2 means findings here.
        return 1 if end.code else 0
    return 0
