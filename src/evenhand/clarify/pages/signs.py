"""Signs: what a value of each bias metric says in words, and which way its sign points."""

import math

from evenhand.core.words import sentence
from evenhand.metrics import registered

FAVOURED = "positive: a is favoured"
DISTANCE = "a distance: 0 is equal, and it has no direction"
# What the sign means, by metric; d is the group of the listed values, a all other rows.
SIGNS = {
    "CI": "positive: d has fewer rows than a",
    "DPL": FAVOURED,
    "KL": DISTANCE,
    "JS": DISTANCE,
    "LP": DISTANCE,
    "TVD": DISTANCE,
    "KS": DISTANCE,
    "CDDL": "positive: d is over-represented among rejections",
    "DPPL": FAVOURED,
    "DI": "a ratio: 1 is equal, below 1 d is disadvantaged",
    "DCA": "opposite direction to most: positive is bias against a, negative bias against d",
    "DCR": "opposite direction to most, as its documentation reads it in one place: positive is bias against a",
    "RD": "positive: against d",
    "SD": "positive: negative cases of d are turned away more often",
    "DAR": "positive: selections of d turn out right less often",
    "DRR": "positive: rejections of d turn out right more often, so the stricter hand is on a",
    "AD": "positive: the model is right less often for d",
    "TE": "positive: d has relatively more wrong rejections",
    "CDDPL": "positive: d is over-represented among rejections",
    "FT": "positive: members of d are turned down where those like them in a are accepted",
    "GE": "inequality over all rows: 0 is equal; the same under every facet",
}
OPPOSITE = frozenset({"DCA", "DCR"})
_REVERSED = (
    "in the arithmetic of smclarify the sign is reversed; positive: d is accepted where those in a are turned down"
)


def sign(code: str, arithmetic: str) -> str:
    """Which way the sign of a metric points; empty for metrics that nobody documented."""
    return _REVERSED if code == "FT" and arithmetic == "compat" else SIGNS.get(code, "")


def reading(code: str, value: float | None, group: str, arithmetic: str) -> str:
    """What a value says of a group and the rest, as a sentence; empty where there is no value or no such metric."""
    metric = registered().get(code)
    if metric is None or value is None:
        return ""
    if math.isinf(value):
        return "Infinite: for one of the two groups, the number divided by is nothing."
    if value == metric.parity:
        return "No difference between the group and the rest in these rows."
    turned = -value if code == "FT" and arithmetic == "compat" else value
    words = sentence(metric, turned, group, "the rest")
    return f"{words if words.startswith(group) else words[:1].upper() + words[1:]}."
