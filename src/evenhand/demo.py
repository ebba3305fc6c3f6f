"""The demo: a synthetic table with a known, planted bias, so that the report can be held against the truth.

Everything here is made up. 20,000 people ask for a loan; `repaid` is what happened, `approved` what a model decided,
`score` its score. What is planted:

* 70 of 100 people repay, whatever their sex, age or region.
* The model approves 85 of 100 men who would repay, but only 55 of 100 women who would repay; of those who would not
  repay, 25 of 100 are approved, men and women alike. So women are approved 0.687 times as often as men, and the
  recall difference is 30 points.
* Nothing depends on age or region.
* The region Islands has 15 people: too few to tell anything about.
* The region of 400 people is missing.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.audit import Audit
from evenhand.core.report import Report
from evenhand.flow import Progress, run

REPAY = 0.70
APPROVED_REPAYING = {"Female": 0.55, "Male": 0.85}
APPROVED_DEFAULTING = 0.25
ISLANDERS, WITHOUT_REGION = 15, 400

AUDIT = Audit(
    label="repaid",
    positive=("yes",),
    predicted_label="approved",
    score="score",
    facets=("sex", "region", "age@30,50"),
    intersections=(("sex", "region"),),
    stratum="education",
    features=("income", "debt", "education"),
    thresholds={"RD": 0.1, "FPRD": 0.1},
)


def demo_table(rows: int = 20_000, seed: int = 0) -> dict[str, NDArray[Any]]:
    """A synthetic table of loan decisions with the planted bias that this module describes."""
    generator = np.random.default_rng(seed)
    sex = generator.choice(np.array(["Female", "Male"], dtype=object), rows, p=[0.45, 0.55])
    region = generator.choice(np.array(["North", "South", "East", "West"], dtype=object), rows)
    special = generator.permutation(rows)
    region[special[:ISLANDERS]] = "Islands"
    region[special[ISLANDERS : ISLANDERS + WITHOUT_REGION]] = None
    education = generator.choice(np.array(["school", "college", "university"], dtype=object), rows, p=[0.4, 0.35, 0.25])
    repaid = generator.random(rows) < REPAY
    chance = np.where(repaid, np.where(sex == "Female", *APPROVED_REPAYING.values()), APPROVED_DEFAULTING)
    approved = generator.random(rows) < chance
    score = np.where(approved, 0.5, 0.0) + 0.5 * generator.beta(2, 2, rows)
    return {
        "person": np.arange(rows),
        "sex": sex,
        "region": region,
        "age": generator.integers(18, 76, rows),
        "education": education,
        "income": np.round(generator.lognormal(10.2, 0.4, rows), -2),
        "debt": np.round(generator.lognormal(8.0, 0.8, rows), -2),
        "repaid": np.where(repaid, "yes", "no").astype(object),
        "score": np.round(score, 4),
        "approved": np.where(approved, "yes", "no").astype(object),
    }


def planted() -> dict[tuple[str, str], float]:
    """The true values of what was planted, by metric and group."""
    women, men = (REPAY * rate + (1 - REPAY) * APPROVED_DEFAULTING for rate in APPROVED_REPAYING.values())
    return {
        ("DI", "sex=Female"): women / men,
        ("DPPL", "sex=Female"): men - women,
        ("RD", "sex=Female"): APPROVED_REPAYING["Male"] - APPROVED_REPAYING["Female"],
        ("FPRD", "sex=Female"): 0.0,
        ("DPL", "sex=Female"): 0.0,
    }


def demo(progress: Progress | None = None) -> Report:
    """Audit the demo table, and say in the notes how the findings compare with what was planted."""
    report = run(AUDIT, demo_table(), title="Demo: loan decisions with a planted bias", progress=progress)
    notes = ("The data is synthetic: no person in it exists.", *report.notes, *_compared(report))
    provenance = report.provenance.model_copy(update={"source": "the embedded demo"})
    return report.model_copy(update={"notes": notes, "provenance": provenance})


def _compared(report: Report) -> list[str]:
    """What was planted beside what was found."""
    found = {(finding.metric, finding.group): finding for finding in report.findings}
    lines = []
    for (code, group), truth in planted().items():
        finding = found[code, group]
        if finding.interval is not None and finding.value is not None:
            inside = "holds" if finding.interval.low <= truth <= finding.interval.high else "misses"
            lines.append(
                f"Planted {code} for {group}: {truth:.3f}; found {finding.value:.3f}, and the interval "
                f"{finding.interval.low:.3f} to {finding.interval.high:.3f} {inside} it."
            )
    return lines
