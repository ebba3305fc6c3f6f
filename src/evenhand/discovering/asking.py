"""Asking: what a caller said about the columns and the question, as an audit and a question that can be searched."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import ValidationError

from evenhand.core.audit import Audit
from evenhand.core.audit_file import first_error
from evenhand.core.errors import DataError, SpecError, suggestion
from evenhand.core.frame import Frame
from evenhand.core.plan import named_columns
from evenhand.core.subgroup import Outcome, Question
from evenhand.core.values import quoted

_OUTCOMES: list[str] = list(get_args(Outcome))
_ROLES = ("score", "stratum", "weight", "block")


def question_of(question: Question | str) -> Question:
    """A question from the name of its outcome; raises SpecError."""
    if isinstance(question, str):
        if question not in _OUTCOMES:
            raise SpecError(f"No outcome is called {question!r}.{suggestion(question, _OUTCOMES, most=len(_OUTCOMES))}")
        question = Question.model_validate({"outcome": question})
    if question.outcome == "column" and not question.column:
        raise SpecError("Say which column of numbers to look at: Question(outcome='column', column='words_wrong').")
    return question


def audit_of(audit: Audit | Mapping[str, Any], question: Question, frame: Frame) -> Audit:
    """The audit; made of its fields, it needs no facet, because every column is searched. Raises SpecError."""
    if isinstance(audit, Audit):
        return audit
    fields = {name: value for name, value in audit.items() if value is not None}
    if question.outcome == "column" and not any(fields.get(role) for role in ("label", "predicted_label", "score")):
        fields |= {"label": question.column, "outcome": "regression"}
    if not fields.get("facets"):
        fields["facets"] = (quoted(_first_free(fields, frame)),)
    try:
        return Audit.model_validate(fields)
    except ValidationError as error:
        raise SpecError(first_error(error, Audit)) from None


def _first_free(fields: Mapping[str, Any], frame: Frame) -> str:
    """The first column that has no role yet."""
    used = {fields.get(role) for role in _ROLES}
    for text in (fields.get("label"), fields.get("predicted_label")):
        used.update(named_columns(text, frame.kinds))
    used.update(_bounds(fields.get("prediction_interval")))
    free = [name for name in frame.kinds if name not in used]
    if not free:
        raise DataError("Every column is used by the audit; there is none left that groups could be made of.")
    return free[0]


def _bounds(pair: Sequence[str] | None) -> Sequence[str]:
    return pair or ()
