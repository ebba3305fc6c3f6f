"""Representation: how many rows a group has, before anything is asked about labels."""

from evenhand.core.interval import Bounds, Estimate, Rate
from evenhand.core.metric import metric
from evenhand.core.sides import Comparison, Decisions


@metric(
    code="CI", stage="labels", needs="rows", parity=0.0, bounds=(-1, 1), unit="number",
    harm="Too few rows of a group: the model learns it badly and no finding about it is certain.",
    above="{group} has fewer rows than {rest}", below="{group} has more rows than {rest}",
)  # fmt: skip
def class_imbalance(comparison: Comparison[Decisions]) -> Estimate:
    """How much smaller the group is than the rest, as a share of both together.

    (n_rest - n_group) / (n_rest + n_group); Amazon SageMaker Clarify, Class Imbalance (CI).
    """
    group, rest = comparison.group.rows, comparison.rest.rows
    share = Rate(group, group + rest, comparison.group.effective)

    def bounds(level: float) -> Bounds:
        low, high = share.interval(level)
        return 1 - 2 * high, 1 - 2 * low

    return Estimate(1 - 2 * share.value, bounds, "wilson")
