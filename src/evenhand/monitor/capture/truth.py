"""Truth: labels by id; the first of an id counts, and different ones that come later are noted as corrections."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evenhand.core.errors import DataError
from evenhand.monitor.capture.records import Columned, arrow


def labels_of(names: Sequence[str], keys: Any, values: Mapping[str, Any], *, every: bool = False) -> Columned:
    """The ids with their labels; rows without one are left out, or with `every` refused with DataError."""
    pa = arrow()
    known = np.ones(len(keys), dtype=bool)
    for name in names:
        known &= ~values[name].is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    if every and not known.all():
        row = int(np.argmin(known))
        raise DataError(f"Record {row + 1} has no label; send truth only where {', '.join(names)} is known.")
    table = pa.table({"id": keys, **{f"label {name}": values[name] for name in names}}).filter(pa.array(known))
    columns = {name: table.column(f"label {name}") for name in names}
    return Columned({"id": table.column("id"), **columns}, {}, table.num_rows)
