"""Facets: which group each row belongs to, as text, from whatever a caller hands in beside the rows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import DataError

EVERYONE, MISSING = "(everyone)", "(missing)"


def facet_texts(facet: Any, rows: int) -> NDArray[np.str_]:
    """The text of each row's group, shape (rows,).

    `facet` is one value a row, or several columns, which are crossed; missing values are a group of their own. Without
    it, all rows are one group. Raises DataError where it does not fit the rows.
    """
    if facet is None:
        return np.full(rows, EVERYONE)
    values = np.asarray(facet, dtype=object)
    if values.ndim not in (1, 2) or len(values) != rows:
        raise DataError(
            f"facet has shape {values.shape} for {rows:,} rows; give one value, or one of each column, a row."
        )
    if values.ndim == 1:
        return np.array([_text(value) for value in values.tolist()], dtype=str)
    return np.array([" & ".join(map(_text, row)) for row in values.tolist()], dtype=str)


def _text(value: Any) -> str:
    return MISSING if value is None or value != value else str(value)
