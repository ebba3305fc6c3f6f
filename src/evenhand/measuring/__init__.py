"""Measuring: from a tally to findings; the one place that knows which metric applies where."""

from collections.abc import Iterator, Sequence

import numpy as np

from evenhand.core.audit import Audit
from evenhand.core.division import Division
from evenhand.core.errors import SpecError, Undefined, suggestion
from evenhand.core.finding import Finding
from evenhand.core.interval import expanded, percentile
from evenhand.core.judge import Draft, Subject, finished, magnitude_bounds, without_gap
from evenhand.core.metric import Metric
from evenhand.core.sides import Classes, Decisions
from evenhand.core.tally import Tally
from evenhand.measuring.comparisons import comparison_of
from evenhand.measuring.gaps import largest_gaps
from evenhand.measuring.pairs import MOST_COMPARISONS, Pair, pairs_against_highest, pairs_of, views_of
from evenhand.metrics import chosen
from evenhand.metrics.gaps import ALL as GAPS

_CLASSED = ("labels", "predictions", "both")


def measure(tally: Tally) -> list[Finding]:
    """Every finding that the tally of an audit answers, with verdicts corrected for their number."""
    return finished(drafts_of(tally, divisions_of(tally)), tally.audit)


def divisions_of(tally: Tally) -> list[Division]:
    """The facets asked about, and their crossings, as dense arrays."""
    audit = tally.audit
    return [Division.of(tally, facets) for facets in (*((facet,) for facet in audit.facets), *audit.crossed)]


def drafts_of(tally: Tally, divisions: Sequence[Division]) -> list[Draft]:
    """Every question measured, before verdicts."""
    metrics = [metric for metric in _wanted(tally.audit) if _applies(metric, tally)]
    ordinary = [metric for metric in metrics if not metric.against_highest]
    highest = [metric for metric in metrics if metric.against_highest]
    drafts: list[Draft] = []
    for division in divisions:
        pairs = pairs_of(division)
        if len(pairs) > MOST_COMPARISONS:
            raise SpecError(
                f"The facet {division.name} makes {len(pairs):,} comparisons, more than {MOST_COMPARISONS:,}; compare "
                "one-vs-rest, or lower most_groups."
            )
        for pair in pairs:
            drafts.extend(_drafts(pair, ordinary))
        for pair in pairs_against_highest(division) if highest else ():
            drafts.extend(_draft(pair, metric, pair.subject()) for metric in highest)
        drafts.extend(largest_gaps(division))
    return drafts


def _wanted(audit: Audit) -> tuple[Metric, ...]:
    gap_codes = {gap.code for gap in GAPS}
    metrics = chosen([code for code in audit.metrics if code not in gap_codes])
    if audit.metrics and not [code for code in audit.metrics if code not in gap_codes]:
        metrics = ()
    known = [*gap_codes, *(metric.code for metric in chosen(()))]
    for code in audit.thresholds:
        if code not in known:
            raise SpecError(f"thresholds names no metric {code!r}.{suggestion(code, sorted(known), most=60)}")
    return metrics


def _applies(metric: Metric, tally: Tally) -> bool:
    """Whether what the metric needs was counted."""
    axes, binary = tally.axes, tally.outcome == "binary"
    classes = tally.outcome != "regression"
    label, prediction = "label" in axes, "prediction" in axes
    if metric.strata and "stratum" not in axes:
        return False
    low, high = tally.audit.score_range
    sums = {name for cube in tally.cubes for name in cube.sums}
    return {
        "rows": True,
        "labels": label and classes,
        "predictions": prediction and classes,
        "both": label and prediction and classes,
        "label classes": label and classes,
        "prediction classes": prediction and tally.outcome == "multiclass",
        "scores": "score" in axes and binary,
        "scored labels": "score" in axes and label and binary,
        "probabilities": "score" in axes and label and binary and 0 <= low < high <= 1,
        "errors": "error" in axes,
        "label values": "label" in sums,
        "predicted values": "prediction" in sums,
        "covered": "covered" in axes,
        "features": False,
    }[metric.needs]


def _drafts(pair: Pair, metrics: Sequence[Metric]) -> Iterator[Draft]:
    """One draft for each metric (and class), whatever happens to the others."""
    for label_class, view in views_of(pair):
        subject = pair.subject(label_class)
        for metric in metrics:
            if (metric.needs in _CLASSED) == (label_class is not None) or pair.division.tally.outcome != "multiclass":
                yield _draft(view, metric, subject)


def _draft(pair: Pair, metric: Metric, subject: Subject) -> Draft:
    draft = Draft(metric, subject)
    try:
        _measured(draft, pair)
    except Undefined as undefined:
        draft.reason = str(undefined)
    except (ArithmeticError, ValueError) as error:
        # A metric that fails, perhaps one of another package, must not cost the others.
        draft.value, draft.reason = None, f"it cannot be computed: {error}"
    return draft


def _measured(draft: Draft, pair: Pair) -> None:
    """Fill in value and interval; raises Undefined."""
    metric, audit = draft.metric, pair.audit
    comparison = comparison_of(metric, pair)
    estimate = metric.measure(comparison)
    value = float(estimate.value)
    if np.isnan(value):
        raise Undefined("nothing divided by nothing")
    draft.value, draft.method = value, estimate.method
    resampled = isinstance(comparison.group, (Decisions, Classes))
    if estimate.bounds is not None and (audit.block is None or not resampled):
        draft.bounds = estimate.bounds(audit.level)
    else:
        draws = metric.measure(comparison_of(metric, pair, "drawn")).value
        level = expanded(audit.level, pair.units)
        bounds = magnitude_bounds(value, draws, level) if metric.magnitude else percentile(draws, level)
        draft.bounds, draft.method = bounds, "block bootstrap" if audit.block is not None else "bootstrap"
    if metric.magnitude and resampled:
        draft.null = np.asarray(metric.measure(comparison_of(metric, pair, "without gap")).value)
        draft.extra = without_gap(value, draft.null)
