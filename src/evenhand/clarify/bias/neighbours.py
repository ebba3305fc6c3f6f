"""The flip test as smclarify 0.5 counts it: unscaled features, and the sign opposite to the documents."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import MissingExtra

if TYPE_CHECKING:
    import pandas as pd

Mask = NDArray[np.bool_]

NEIGHBOURS, FEW_NEIGHBOURS, FEW_ROWS = 5, 1, 9


def flip_test(features: "pd.DataFrame", group: Mask, predicted: Mask) -> float:
    """(accepted though neighbours are not - the reverse) / n_d; raises ValueError or TypeError where they fail."""
    if not group.any():
        raise ValueError("Facet set is empty")
    if group.all():
        raise ValueError("Negated Facet set is empty")
    if len(features.columns) != len(features.select_dtypes([np.number, bool]).columns):
        raise ValueError("FlipTest does not support non-numeric columns")
    rows = np.array(features)
    flips = predicted[group].astype(int) - _neighbours(rows, group, predicted).astype(int)
    return float(flips.sum()) / int(group.sum())


def _neighbours(rows: NDArray[np.float64], group: Mask, predicted: Mask) -> Mask:
    """What most of the nearest of the rest got, for each row of the group."""
    try:
        from sklearn.neighbors import KNeighborsClassifier
    except ImportError:
        raise MissingExtra("The flip test of smclarify", "scikit-learn", "clarify") from None
    neighbours = NEIGHBOURS if (~group).sum() > FEW_ROWS else FEW_NEIGHBOURS
    # Among equally near rows the search decides, so it must be the same search.
    search = KNeighborsClassifier(n_neighbors=neighbours).fit(rows[~group], predicted[~group])
    # A list is searched in another way than an array, and they give a list.
    return np.asarray(search.predict(list(rows[group])), bool)
