"""evenhand: whether data and models treat people fairly, how sure one can be, and why.

    import evenhand as eh
    report = eh.run(eh.Audit(label="income", positive=[">50K"], facets=["sex", "race"]), "adult.csv")

Importing this package loads nothing else; each name is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evenhand.bounty.local import LocalBounty
    from evenhand.bounty.proving.opening import Opening
    from evenhand.client import Client
    from evenhand.core.audit import Audit
    from evenhand.core.audit_file import AuditFile
    from evenhand.core.errors import (
        ColumnNotFound,
        DataError,
        EvenhandError,
        MissingExtra,
        ModelError,
        SpecError,
        Undefined,
        UnreadableSource,
        UntrustedModel,
    )
    from evenhand.core.explanation import Explanation
    from evenhand.core.facet import Facet
    from evenhand.core.finding import Finding
    from evenhand.core.game import Game
    from evenhand.core.group import Group
    from evenhand.core.metric import metric
    from evenhand.core.model import Model
    from evenhand.core.monitor import Monitor
    from evenhand.core.outcome import Outcome
    from evenhand.core.report import Report
    from evenhand.core.subgroup import Question
    from evenhand.core.tally import Tally, tally
    from evenhand.demo import demo_table
    from evenhand.discovering import discover
    from evenhand.explaining import Request, explain
    from evenhand.explaining.games import explain_game
    from evenhand.flow import run
    from evenhand.measuring import measure
    from evenhand.mending import mend
    from evenhand.modalities.detection import DetectionGame
    from evenhand.modalities.image import ImageGame
    from evenhand.modalities.series import SeriesGame
    from evenhand.modalities.text import TextGame
    from evenhand.models import Command, Endpoint, load_model
    from evenhand.parts import Parts
    from evenhand.renderers import render
    from evenhand.renderers.heat import heat_picture
    from evenhand.renderers.instances import render_instance
    from evenhand.sources import read

_HOMES = {
    "Audit": "core.audit",
    "AuditFile": "core.audit_file",
    "Client": "client",
    "ColumnNotFound": "core.errors",
    "Command": "models",
    "DataError": "core.errors",
    "DetectionGame": "modalities.detection",
    "Endpoint": "models",
    "EvenhandError": "core.errors",
    "Explanation": "core.explanation",
    "Facet": "core.facet",
    "Finding": "core.finding",
    "Game": "core.game",
    "Group": "core.group",
    "ImageGame": "modalities.image",
    "LocalBounty": "bounty.local",
    "MissingExtra": "core.errors",
    "Model": "core.model",
    "ModelError": "core.errors",
    "Monitor": "core.monitor",
    "Opening": "bounty.proving.opening",
    "Outcome": "core.outcome",
    "Parts": "parts",
    "Question": "core.subgroup",
    "Report": "core.report",
    "Request": "explaining",
    "SeriesGame": "modalities.series",
    "SpecError": "core.errors",
    "Tally": "core.tally",
    "TextGame": "modalities.text",
    "Undefined": "core.errors",
    "UnreadableSource": "core.errors",
    "UntrustedModel": "core.errors",
    "demo_table": "demo",
    "discover": "discovering",  # not a package of its own name, which would shadow the function
    "explain": "explaining",
    "explain_game": "explaining.games",
    "heat_picture": "renderers.heat",
    "load_model": "models",
    "measure": "measuring",
    "mend": "mending",
    "metric": "core.metric",
    "read": "sources",
    "render": "renderers",
    "render_instance": "renderers.instances",
    "run": "flow",
    "tally": "core.tally",
}

__all__ = [
    "Audit",
    "AuditFile",
    "Client",
    "ColumnNotFound",
    "Command",
    "DataError",
    "DetectionGame",
    "Endpoint",
    "EvenhandError",
    "Explanation",
    "Facet",
    "Finding",
    "Game",
    "Group",
    "ImageGame",
    "LocalBounty",
    "MissingExtra",
    "Model",
    "ModelError",
    "Monitor",
    "Opening",
    "Outcome",
    "Parts",
    "Question",
    "Report",
    "Request",
    "SeriesGame",
    "SpecError",
    "Tally",
    "TextGame",
    "Undefined",
    "UnreadableSource",
    "UntrustedModel",
    "demo_table",
    "discover",
    "explain",
    "explain_game",
    "heat_picture",
    "load_model",
    "measure",
    "mend",
    "metric",
    "read",
    "render",
    "render_instance",
    "run",
    "tally",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'evenhand' has no attribute {name!r}")
    value = getattr(import_module(f"evenhand.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
