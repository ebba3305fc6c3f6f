"""What the tests of drift share: monitors, windows, and a report whose findings can be replaced."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from scipy.stats import beta

import evenhand as eh
from evenhand.core.audit import Audit
from evenhand.core.monitor import Monitor
from evenhand.core.report import Report
from evenhand.core.window import Window

START = datetime(2026, 1, 1, tzinfo=UTC)


def monitor(**given: Any) -> Monitor:
    audit = Audit(label="label", positive=(1,), predicted_label="predicted", score="score", facets=("sex",))
    return Monitor(name="loans", baseline="baseline.json", **{"audit": audit, **given})


def day(number: int) -> Window:
    start = START + timedelta(days=number)
    return Window(start, start + timedelta(days=1))


def share_at_most(wrong: int, years: int) -> float:
    """What the share of years with a false alarm is at most, with 95% confidence (Clopper & Pearson, exact)."""
    return float(beta.ppf(0.95, wrong + 1, years - wrong))


@pytest.fixture(scope="session")
def template() -> Report:
    table = pd.DataFrame({"sex": ["f", "m"] * 40, "label": [0, 1, 1, 1] * 20, "predicted": [0, 1, 1, 1] * 20})
    return eh.run(Audit(label="label", positive=(1,), predicted_label="predicted", facets=("sex",)), table)


@pytest.fixture(scope="session")
def with_findings(template: Report) -> Callable[..., Report]:
    def replaced(*findings: Any) -> Report:
        return template.model_copy(update={"findings": tuple(findings)})

    return replaced
