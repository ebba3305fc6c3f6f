"""Answering: which columns a model is given, and its answers as columns that an audit can name."""

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw
from numpy.typing import NDArray

from evenhand.core.audit import Audit
from evenhand.core.frame import Frame
from evenhand.core.plan import Plan, columns_of
from evenhand.core.values import normalised
from evenhand.models import LoadedModel
from evenhand.sources import attach

PREDICTED_LABEL, PREDICTED_SCORE = "model prediction", "model score"
_ANSWERS = {"predicted_label": PREDICTED_LABEL, "score": PREDICTED_SCORE}


def settled(audit: Audit, bound: Plan) -> Audit:
    """The audit with outcome and favourable classes as the whole table shows them, whatever one part holds."""
    outcome = None if bound.outcome == "binary" else bound.outcome
    return audit.model_copy(update={"outcome": outcome, "positive": bound.positive})


def inputs_of(audit: Audit, frame: Frame, model: LoadedModel) -> tuple[str, ...]:
    """The columns that the model is given: those it names, those the audit names, or all that describe a person."""
    return model.features or audit.features or describing(audit, frame, ("facet", "stratum"))


def describing(audit: Audit, frame: Frame, roles: Sequence[str]) -> tuple[str, ...]:
    """The columns that the audit uses for nothing, or only in these roles."""
    used = columns_of(audit, frame)
    return tuple(name for name in frame.kinds if used.get(name) in (None, *roles))


def predicted(audit: Audit, model: LoadedModel, batch: Any, inputs: Sequence[str]) -> tuple[Audit, Frame]:
    """The audit with the names of the model's answers, and the batch with those answers as columns."""
    columns = answers_of(audit, model, nw.from_native(batch, eager_only=True).select(list(inputs)).to_native())
    return naming(audit, columns), attach(batch, columns)


def naming(audit: Audit, columns: Mapping[str, Any]) -> Audit:
    """The audit with the names of the answers there are."""
    return audit.model_copy(update={field: name for field, name in _ANSWERS.items() if name in columns})


def answers_of(audit: Audit, model: LoadedModel, rows: Any) -> dict[str, NDArray[Any]]:
    """The model's answers for native rows of its inputs, by the names of their columns."""
    answers = model.predict(rows)
    columns = {}
    if "label" in answers or audit.outcome is not None:
        # Quantities that happen to lie between 0 and 1 look like scores to the model's adapter.
        columns[PREDICTED_LABEL] = answers["label"] if "label" in answers else answers["score"]
    if "score" in answers and audit.outcome is None:
        columns[PREDICTED_SCORE] = _of_positive(answers["score"], audit, model)
    return columns


def _of_positive(score: Any, audit: Audit, model: LoadedModel) -> Any:
    """The score of the favourable class, which may be the first of the model's two classes."""
    if model.classes is None or len(model.classes) != 2:
        return score
    favourable = {str(normalised(value)) for value in audit.positive}
    first, second = (str(normalised(value)) for value in model.classes)
    return 1 - score if first in favourable and second not in favourable else score
