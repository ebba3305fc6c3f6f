"""evenhand clarify check: has bias or what drives predictions drifted from a baseline analysis.json?"""

from enum import StrEnum
from typing import Annotated

import typer

from evenhand.cli.terminal import FindingsFound, say
from evenhand.core.visible import visible


class RuleName(StrEnum):
    """What counts as drift."""

    ours = "ours"
    theirs = "theirs"


def check(
    current: Annotated[str, typer.Option(help="The new analysis.json, or its folder.")],
    output: Annotated[str, typer.Option(help="The folder for constraint_violations.json.")],
    baseline: Annotated[str | None, typer.Option(help="The analysis.json to compare with, or its folder.")] = None,
    rule: Annotated[
        RuleName, typer.Option(help="ours: parity, tolerance, intervals; theirs: farther from 0.")
    ] = RuleName.ours,
    tolerance: Annotated[float, typer.Option(help="Our rule: how much farther from parity is no drift.")] = 0.01,
    skip_check: Annotated[bool, typer.Option("--skip-check", help="Compare nothing.")] = False,
    no_fail_on_violation: Annotated[
        bool, typer.Option("--no-fail-on-violation", help="Exit 0 whatever drifted.")
    ] = False,
    register_new_baseline: Annotated[
        str | None,
        typer.Option(help="Write the new analysis.json here, for later checks; compared with first if no --baseline."),
    ] = None,
) -> None:
    """Compare two analysis.json, write constraint_violations.json, exit 0 if fine, 2 on violations, 1 on errors."""
    from evenhand.clarify.drift.check_step import Gate, check_step
    from evenhand.clarify.drift.rules import Limits

    gate = Gate(
        skip_check=skip_check,
        fail_on_violation=not no_fail_on_violation,
        register_new_baseline=register_new_baseline is not None,
        rule=rule.value,
        limits=Limits(tolerance=tolerance),
    )
    outcome = check_step(
        current, output, gate=gate,
        supplied_baseline_constraints=baseline, registered_baseline=register_new_baseline,
    )  # fmt: skip
    for violation in outcome.violations:
        place = violation.label or f"{violation.facet}={violation.facet_value}"
        say(visible(f"{violation.metric_name} ({place}): {violation.description}"))
    for note in outcome.notes:
        say(visible(note))
    if outcome.violations_file is not None:
        say(visible(f"{len(outcome.violations)} violations: {outcome.violations_file}"))
    if outcome.status == "Failed":
        raise FindingsFound
