"""Shipping: a model as bytes, to be asked in another process, on this machine or another."""

import pickle
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Lock

from evenhand.core.errors import ModelError
from evenhand.core.travel import by_value, packed
from evenhand.models.loaded import LoadedModel

# Models that a process keeps; an audit asks one or two, and a worker of a cluster outlives the audit.
_KEPT = 4

_rebuilt: "OrderedDict[str, LoadedModel]" = OrderedDict()
_lock = Lock()


@dataclass(frozen=True)
class Shipment:
    """A model by its name, its bytes, and their SHA-256 digest; it pickles, and only `unpack` makes a model of it."""

    name: str
    digest: str
    content: bytes = field(repr=False)

    def unpack(self) -> LoadedModel:
        """The model; a process makes it once and keeps the last few.

        Unpickles, so it is for shipments of one's own. Raises ModelError where a part of the model is not installed.
        """
        with _lock:
            if self.digest not in _rebuilt:
                _rebuilt[self.digest] = _made(self.name, self.content)
            _rebuilt.move_to_end(self.digest)
            while len(_rebuilt) > _KEPT:
                _rebuilt.popitem(last=False)
            return _rebuilt[self.digest]


def pack(model: LoadedModel) -> Shipment:
    """The model, with what its first answers settled, ready to travel.

    Endpoints and commands travel as their settings, ONNX as the bytes of its file, everything else as the objects that
    were loaded, so that a file is read, and trusted, in this process alone. Ask the model once before: whether a
    function's numbers are scores is settled by its first answer. Raises ModelError where a part cannot be pickled.
    """
    try:
        content = packed(model)
    except Exception as error:  # whatever the objects of a stranger raise
        raise ModelError(_refusal(model.name, error)) from error
    return Shipment(model.name, sha256(content).hexdigest(), content)


def _made(name: str, content: bytes) -> LoadedModel:
    try:
        made: LoadedModel = pickle.loads(content)  # noqa: S301 - packed by `pack` in the process that asks this one
    except Exception as error:
        raise ModelError(
            f"The model {name} cannot be rebuilt in a worker: {type(error).__name__}: {_line(error)}; install there"
            " the same packages as here, and put modules of your own where workers find them."
        ) from error
    return made


def _refusal(name: str, error: Exception) -> str:
    advice = "give a model without open files, locks or connections, or its file, such as .onnx or .skops"
    if not by_value():
        advice = "install cloudpickle for functions that are in no module (pip install cloudpickle), or " + advice
    return f"The model {name} cannot be sent to other processes: {type(error).__name__}: {_line(error)}; {advice}."


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0].rstrip(".")
