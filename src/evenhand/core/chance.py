"""Chance: numbers between 0 and 1 that belong to a row's id, so that one person always gets one answer."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray


def chance(ids: Iterable[Any], salt: str) -> NDArray[np.float64]:
    """A number in [0, 1) for each id: the same for the same id and salt, on every machine and in every version.

    The first 8 bytes of BLAKE2b (RFC 7693) of the id's text, keyed by the salt. Integers and their text are one id.
    """
    key = blake2b(salt.encode()).digest()
    digests = b"".join(blake2b(str(each).encode(), digest_size=8, key=key).digest() for each in ids)
    return np.asarray((np.frombuffer(digests, "<u8") >> np.uint64(11)) * 2.0**-53)
