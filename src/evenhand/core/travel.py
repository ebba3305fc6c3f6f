"""Travel: Python objects as bytes that another process makes the same objects of."""

import pickle
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

# Both write functions and classes that no module of the other process holds, and are needed there to read them.
_PICKLERS = {"cloudpickle": "cloudpickle", "pyspark": "pyspark.cloudpickle"}


def packed(thing: Any) -> bytes:
    """The object as bytes that `pickle.loads` reads; raises what the pickler or the object raises."""
    written: bytes = _dumps()(thing)
    return written


def by_value() -> bool:
    """Whether lambdas and functions of a notebook can travel here."""
    return any(find_spec(package) for package in _PICKLERS)


def _dumps() -> Callable[[Any], bytes]:
    # Workers of Spark have its own pickler and perhaps no other; elsewhere its import would cost a second.
    for package in sorted(_PICKLERS, key=lambda package: package not in sys.modules or package != "pyspark"):
        if find_spec(package):
            return import_module(_PICKLERS[package]).dumps  # type: ignore[no-any-return]
    return pickle.dumps
