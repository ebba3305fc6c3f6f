"""evenhand: whether data and models treat people fairly, how sure one can be, and why.

    import evenhand as eh
    report = eh.run(eh.Audit(label="income", positive=[">50K"], facets=["sex", "race"]), "adult.csv")

Importing this package loads nothing else; each name is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from evenhand.core.facet import Facet
    from evenhand.core.finding import Finding
    from evenhand.core.group import Group
    from evenhand.core.metric import metric
    from evenhand.core.model import Model
    from evenhand.core.report import Report
    from evenhand.core.tally import Tally, tally
    from evenhand.demo import demo_table
    from evenhand.flow import run
    from evenhand.measuring import measure
    from evenhand.models import load_model
    from evenhand.renderers import render
    from evenhand.sources import read

_HOMES = {
    "Audit": "core.audit",
    "AuditFile": "core.audit_file",
    "ColumnNotFound": "core.errors",
    "DataError": "core.errors",
    "EvenhandError": "core.errors",
    "Facet": "core.facet",
    "Finding": "core.finding",
    "Group": "core.group",
    "MissingExtra": "core.errors",
    "Model": "core.model",
    "ModelError": "core.errors",
    "Report": "core.report",
    "SpecError": "core.errors",
    "Tally": "core.tally",
    "Undefined": "core.errors",
    "UnreadableSource": "core.errors",
    "UntrustedModel": "core.errors",
    "demo_table": "demo",
    "load_model": "models",
    "measure": "measuring",
    "metric": "core.metric",
    "read": "sources",
    "render": "renderers",
    "run": "flow",
    "tally": "core.tally",
}

__all__ = [
    "Audit",
    "AuditFile",
    "ColumnNotFound",
    "DataError",
    "EvenhandError",
    "Facet",
    "Finding",
    "Group",
    "MissingExtra",
    "Model",
    "ModelError",
    "Report",
    "SpecError",
    "Tally",
    "Undefined",
    "UnreadableSource",
    "UntrustedModel",
    "demo_table",
    "load_model",
    "measure",
    "metric",
    "read",
    "render",
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
