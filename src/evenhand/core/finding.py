"""Finding: one measured fact — question, groups, value, interval, support — or the reason why there is none."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Verdict = Literal["past", "within", "cannot tell", "too little data", "not judged", "undefined"]
Stage = Literal["labels", "predictions", "scores", "errors"]


class Fact(BaseModel):
    """The frozen shape of everything in a report; infinities are written as the text "Infinity"."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Interval(Fact):
    """A range that covers the true value with the given probability, and how it was computed."""

    low: float
    high: float
    level: float
    method: str


class Finding(Fact):
    """What one metric says of one group compared with others.

    `verdict` is "past" only where the whole interval lies outside `acceptable` and the p-value, corrected for the
    number of questions, agrees; "too little data" where a gap as large as the threshold could not have been seen.
    """

    metric: str
    name: str
    stage: Stage
    facet: str
    group: str
    against: str
    label_class: str | None = None
    value: float | None = None
    reason: str | None = None
    interval: Interval | None = None
    parity: float | None = None
    acceptable: tuple[float, float] | None = None
    rows: int
    rows_against: int
    small: bool = False
    p_value: float | None = None
    p_corrected: float | None = None
    differs: bool | None = None
    minimum_detectable: float | None = None
    expected_without_gap: float | None = None
    corrected_value: float | None = None
    verdict: Verdict
    reading: str
