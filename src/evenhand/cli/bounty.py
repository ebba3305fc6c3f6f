"""evenhand bounty: anyone may prove a model wrong — open a bounty, hunt in it, and keep what it made better."""

import typer

from evenhand.cli import (
    bounty_after,
    bounty_check,
    bounty_create,
    bounty_findings,
    bounty_hunt,
    bounty_hunter,
    bounty_show,
    bounty_submit,
)

app = typer.Typer(
    help="Bias bounties: anyone may prove the model wrong for a group of people, and the model gets better.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command("hunt")(bounty_hunt.hunt)
app.command("create")(bounty_create.create)
app.command("check")(bounty_check.check)
app.command("list")(bounty_show.list_)
app.command("show")(bounty_show.show)
app.command("submissions")(bounty_show.submissions)
app.command("join")(bounty_hunter.join)
app.command("download")(bounty_hunter.download)
app.command("submit")(bounty_submit.submit)
app.command("model")(bounty_after.model)
app.command("card")(bounty_after.card)
app.command("facets")(bounty_findings.facets)
app.command("audit")(bounty_findings.audit)
app.command("export")(bounty_after.export)
app.command("replay")(bounty_after.replay)
app.command("end")(bounty_after.end)
