"""Keys: ids as they are stored — whole numbers where all of a file are — and hashes of them."""

from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from evenhand.monitor.capture.records import arrow

Hashes = NDArray[np.uint64]

# Text that is exactly what its number is written as: no sign but minus, no zeros in front, within 64 bits.
_WHOLE = r"^(0|-?[1-9][0-9]{0,17})$"
_HASH = "md5_number_lower(id)"


def compact(ids: Any) -> Any:
    """Ids as whole numbers where every one is written as a number is; else as they are, as text."""
    pa = arrow()
    if pa.types.is_integer(ids.type) or not len(ids):
        return ids
    whole = pa.compute.all(pa.compute.match_substring_regex(ids, _WHOLE)).as_py()
    return ids.cast(pa.int64()) if whole else ids


def hashed(ids: Any) -> Hashes:
    """A number of 64 bits for each id, the same for an id whether it is stored as text or as a number."""
    pa = arrow()
    ids = ids.combine_chunks() if hasattr(ids, "chunks") else ids
    if pa.types.is_integer(ids.type):
        return _mixed(ids.to_numpy(zero_copy_only=False))
    whole = pa.compute.match_substring_regex(ids, _WHOLE).to_numpy(zero_copy_only=False)
    found = np.empty(len(ids), np.uint64)
    found[whole] = _mixed(ids.filter(pa.array(whole)).cast(pa.int64()).to_numpy(zero_copy_only=False))
    found[~whole] = _of_text(ids.filter(pa.array(~whole)))
    return found


def _mixed(numbers: Any) -> Hashes:
    """SplitMix64's finalizer: numbers that follow each other get hashes that do not."""
    found = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(found ^ (found >> np.uint64(31)), np.uint64)


def _of_text(texts: Any) -> Hashes:
    # MD5 stays the same over versions of DuckDB, where its hash() need not.
    if not len(texts):
        return np.empty(0, np.uint64)
    with duckdb.connect(":memory:") as connection:
        connection.register("texts", arrow().table({"id": texts}))
        found = connection.sql(f"SELECT {_HASH} AS h FROM texts").fetchnumpy()["h"]  # noqa: S608 - our own names
    return np.asarray(found, np.uint64)
