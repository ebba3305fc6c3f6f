"""Arenas: threads of a server share few pools of memory, so that what it takes does not grow with its threads.

The C library of Linux gives each thread a pool of its own, up to eight for each processor, and each keeps the most that
it ever needed. Requests are answered by forty threads in turn, which only one at a time may run Python.
"""

import ctypes
import sys

_ARENAS_AT_MOST = -8  # M_ARENA_MAX of malloc.h
_FEW = 2


def share_arenas(most: int = _FEW) -> bool:
    """Have threads that start from now on share so many pools; False where the C library has no such setting."""
    if sys.platform != "linux":
        return False
    try:
        return bool(ctypes.CDLL(None).mallopt(_ARENAS_AT_MOST, most))
    except (OSError, AttributeError):  # other C libraries have none
        return False
