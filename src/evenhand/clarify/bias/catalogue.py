"""The 21 bias metrics of Clarify: their codes, descriptions and order, and which of them a config asks for."""

from collections.abc import Sequence
from typing import Any, Literal

from evenhand.clarify.analysis import Section
from evenhand.core.errors import SpecError, suggestion

Stage = Literal["pre_training_bias_metrics", "post_training_bias_metrics"]
PRE: Stage = "pre_training_bias_metrics"
POST: Stage = "post_training_bias_metrics"

# "Liebler" is theirs, and tools look for it.
BEFORE_TRAINING = {
    "CI": "Class Imbalance (CI)",
    "DPL": "Difference in Positive Proportions in Labels (DPL)",
    "KL": "Kullback-Liebler Divergence (KL)",
    "JS": "Jensen-Shannon Divergence (JS)",
    "LP": "L-p Norm (LP)",
    "TVD": "Total Variation Distance (TVD)",
    "KS": "Kolmogorov-Smirnov Distance (KS)",
    "CDDL": "Conditional Demographic Disparity in Labels (CDDL)",
}
AFTER_TRAINING = {
    "DPPL": "Difference in Positive Proportions in Predicted Labels (DPPL)",
    "DI": "Disparate Impact (DI)",
    "DCA": "Difference in Conditional Acceptance (DCA)",
    "DCR": "Difference in Conditional Rejection (DCR)",
    "RD": "Recall Difference (RD)",
    "SD": "Specificity Difference (SD)",
    "DAR": "Difference in Acceptance Rates (DAR)",
    "DRR": "Difference in Rejection Rates (DRR)",
    "AD": "Accuracy Difference (AD)",
    "CDDPL": "Conditional Demographic Disparity in Predicted Labels (CDDPL)",
    "TE": "Treatment Equality (TE)",
    "FT": "Flip Test (FT)",
    "GE": "Generalized Entropy (GE)",
}
METRICS: dict[Stage, dict[str, str]] = {PRE: BEFORE_TRAINING, POST: AFTER_TRAINING}
DESCRIPTIONS = BEFORE_TRAINING | AFTER_TRAINING
DISTANCES = ("KL", "JS", "LP", "TVD", "KS")
NO_STRATUM = "Group variable is empty or not provided"


def codes_asked(stage: Stage, methods: Literal["all"] | Sequence[str]) -> tuple[str, ...]:
    """The codes of a stage that `methods` asks for, in the order of reports; raises SpecError for an unknown one."""
    known = METRICS[stage]
    if methods == "all" or tuple(methods) == ("all",):
        return tuple(sorted(known))
    for code in methods:
        if code not in known:
            raise SpecError(
                f"Invalid metric_name: metrics should be one of the registered metrics{list(known)}; {code!r} is none."
                f"{suggestion(code, list(known), most=0)}"
            )
    return tuple(code for code in sorted(known) if code in methods)


def entry(code: str, value: float | str | None, error: str | None = None) -> dict[str, Any]:
    """One metric as analysis.json holds it; infinities are texts."""
    found: dict[str, Any] = {"name": code, "description": DESCRIPTIONS[code], "value": shown(value)}
    return found if error is None else found | {"error": error}


def shown(value: float | str | None) -> float | str | None:
    """The value as JSON holds it: infinities are the texts "Infinity" and "-Infinity"."""
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return str(value).replace("inf", "Infinity")
    return value


def section(label: str, label_values: str, facets: dict[str, list[Section]]) -> Section:
    """One stage of analysis.json."""
    return {"label": label, "label_value_or_threshold": label_values, "facets": facets}
