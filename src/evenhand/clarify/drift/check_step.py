"""The gate: what a ClarifyCheckStep does with a finished analysis, a prior baseline, and three switches.

| skip_check | fail_on_violation | register_new_baseline | compared | fails on a violation | baseline used |
|------------|-------------------|-----------------------|----------|----------------------|---------------|
| no         | yes               | no                    | yes      | yes                  | the prior     |
| no         | yes               | yes                   | yes      | yes                  | the new one   |
| no         | no                | no                    | yes      | no                   | the prior     |
| no         | no                | yes                   | yes      | no                   | the new one   |
| yes        | yes               | no                    | no       | –                    | the prior     |
| yes        | yes               | yes                   | no       | –                    | the new one   |
| yes        | no                | no                    | no       | –                    | the prior     |
| yes        | no                | yes                   | no       | –                    | the new one   |

The prior is the supplied one, or else the registered one. Only a first run, which skips the check and registers its own
baseline, needs none. `CalculatedBaselineConstraints` is always the new analysis; `BaselineUsedForDriftCheckConstraints`
is the last column. Where a place of registration is given, the new baseline is written there, but not by a step that
failed: nothing after it runs.
"""

import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from evenhand.clarify.drift.constraints import FILE, load_constraints
from evenhand.clarify.drift.rules import Limits, Rule, drift_between
from evenhand.clarify.drift.violations import FILE as VIOLATIONS
from evenhand.clarify.drift.violations import Drift, Violation, violations_document
from evenhand.clarify.storage import deliver, is_remote, local_copy
from evenhand.core.errors import SpecError
from evenhand.core.writing import write_whole


@dataclass(frozen=True)
class Gate:
    """The switches of a check, with the defaults of ClarifyCheckStep, and the rule of comparison."""

    skip_check: bool = False
    fail_on_violation: bool = True
    register_new_baseline: bool = False
    rule: Rule = "ours"
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class CheckOutcome:
    """What a check ended with; `violations_file` is None where the check was skipped."""

    status: Literal["Succeeded", "Failed"]
    calculated_baseline_constraints: str
    baseline_used_for_drift_check_constraints: str
    violations: tuple[Violation, ...] = ()
    violations_file: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def properties(self) -> dict[str, str]:
        """The step's outputs by the names that pipelines know."""
        return {
            "CalculatedBaselineConstraints": self.calculated_baseline_constraints,
            "BaselineUsedForDriftCheckConstraints": self.baseline_used_for_drift_check_constraints,
        }


def check_step(
    current: str | Path,
    output: str | Path,
    *,
    gate: Gate | None = None,
    supplied_baseline_constraints: str | Path | None = None,
    registered_baseline: str | Path | None = None,
) -> CheckOutcome:
    """Compare an analysis with its baseline as the gate says; the table above is the whole behaviour.

    `current` is an analysis.json or its folder, here or at an address; constraint_violations.json is written into
    `output`. `registered_baseline` is the prior where none is supplied, and the place that a new one is registered at.

    Raises SpecError where a prior is needed and none is given, UnreadableSource and DataError where a document cannot
    be read, and EvenhandError where the output cannot be written. A failed check is an outcome and raises nothing.
    """
    gate = gate or Gate()
    calculated = _file_of(current)
    document = load_constraints(local_copy(calculated))
    prior = _prior(supplied_baseline_constraints, registered_baseline, gate)
    drift, written = Drift((), ("The check was skipped.",)), None
    if not gate.skip_check and prior is not None:
        baseline = load_constraints(local_copy(prior))
        drift = drift_between(baseline, document, rule=gate.rule, limits=gate.limits)
        written = _write(violations_document(drift.violations), f"{str(output).rstrip('/')}/{VIOLATIONS}")
    elif not is_remote(str(output)):
        # Those of an earlier run are not this one's.
        (Path(output) / VIOLATIONS).unlink(missing_ok=True)
    failed = bool(drift.violations) and gate.fail_on_violation
    used = calculated if gate.register_new_baseline or prior is None else prior
    if gate.register_new_baseline and registered_baseline is not None and not failed:
        used = _write(document, _file_of(registered_baseline))
    return CheckOutcome("Failed" if failed else "Succeeded", calculated, used, drift.violations, written, drift.notes)


def _prior(supplied: str | Path | None, registered: str | Path | None, gate: Gate) -> str | None:
    """Where the prior baseline stands; None on a first run."""
    if supplied is not None:
        return _file_of(supplied)
    if gate.skip_check and gate.register_new_baseline:
        return None
    # What stands at an address shows when it is read.
    if registered is not None and (is_remote(str(registered)) or Path(_file_of(registered)).is_file()):
        return _file_of(registered)
    raise SpecError(
        "There is no baseline to check against; give one, or on the first run skip the check and register its own."
    )


def _file_of(place: str | Path) -> str:
    """The document at a place: the place itself where that is a JSON file, else analysis.json inside it."""
    text = str(place).rstrip("/")
    return text if text.lower().endswith(".json") or Path(text).is_file() else f"{text}/{FILE}"


def _write(document: dict[str, Any], place: str) -> str:
    """Write a document whole, here or at an address."""
    text = json.dumps(document, indent=2) + "\n"
    if not is_remote(place):
        write_whole(local_copy(place), text)
        return place
    folder, _, name = place.rpartition("/")
    with tempfile.TemporaryDirectory(prefix="evenhand-") as here:
        write_whole(Path(here) / name, text)
        deliver(Path(here), folder)
    return place
