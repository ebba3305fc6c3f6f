"""Flip tests: the one question that looks at rows — a sample of them — and not at the tally."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from evenhand.core.division import Division
from evenhand.core.errors import Undefined
from evenhand.core.frame import Columns
from evenhand.core.judge import Draft, Subject
from evenhand.core.plan import facet_axis
from evenhand.core.values import normalised
from evenhand.measuring.pairs import REST
from evenhand.metrics.flip import Neighbourhood, flip_test, standardised


def flip_tests(rows: Columns, names: Sequence[str], divisions: Sequence[Division]) -> tuple[list[Draft], list[str]]:
    """The flip test of each group of each single facet against the others, and notes on what it left out.

    `rows` holds the facet keys, "prediction", and "feature NAME" for each of the names.
    """
    features, left_out = standardised({name: rows[f"feature {name}"] for name in names})
    notes = [f"The flip test leaves out columns with one value or too many: {', '.join(left_out)}."] if left_out else []
    drafts = [
        draft for division in divisions if len(division.facets) == 1 for draft in _drafts(rows, features, division)
    ]
    return drafts, notes


def _drafts(rows: Columns, features: Any, division: Division) -> Iterator[Draft]:
    audit = division.tally.audit
    levels = _normalised(rows[facet_axis(division.facets[0])])
    answers = _normalised(rows["prediction"])
    predicted = np.array([bool(answer) for answer in answers])
    known = np.array([level is not None and answer is not None for level, answer in zip(levels, answers, strict=True)])
    single = division.tally.facets[division.facets[0]].group is not None
    for piece in division.slices:
        if piece.missing or piece.merged or (single and piece.levels == (False,)):
            continue
        inside = known & np.array([level == piece.levels[0] for level in levels])
        others = int((known & ~inside).sum())
        if not others:
            continue
        subject = Subject(
            division.name, piece.text, REST, int(inside.sum()), others, min(int(inside.sum()), others) < audit.small
        )
        draft = Draft(flip_test, subject)
        try:
            estimate = flip_test.measure(
                Neighbourhood(features[known], inside[known], predicted[known], audit.draws, audit.seed)
            )
            draft.value, draft.method = float(estimate.value), estimate.method
            draft.bounds = estimate.bounds(audit.level) if estimate.bounds else None
        except Undefined as undefined:
            draft.reason = str(undefined)
        yield draft


def _normalised(column: Any) -> list[Any]:
    return [normalised(value) for value in column]
