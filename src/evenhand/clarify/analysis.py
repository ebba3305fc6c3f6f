"""The nouns of one run: the dataset, predictions, what was found, and the whole analysis."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

from evenhand.clarify.config.analysis_config import AnalysisConfig
from evenhand.core.explanation import Explanation
from evenhand.core.report import Report

if TYPE_CHECKING:
    import pandas as pd

Arithmetic = Literal["correct", "compat"]
Section = dict[str, Any]  # a part of analysis.json


@dataclass(frozen=True, eq=False)
class Dataset:
    """The rows of a run, and what each column is for; `features` are what the model is sent, in order.

    `rows` has the names of `headers` or of the file, and the index 0, 1, … `dropped` counts rows that no other dataset
    had a partner for.
    """

    rows: "pd.DataFrame"
    features: tuple[str, ...]
    label: str | None = None
    predicted_label: str | None = None
    facets: tuple[str, ...] = ()
    group_variable: str | None = None
    join: str | None = None
    dropped: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Predictions:
    """One predicted label a row, and the scores (rows, or rows × classes) where the model gives them."""

    labels: NDArray[Any]
    scores: NDArray[Any] | None = None
    headers: tuple[Any, ...] | None = None


@dataclass(frozen=True)
class MetricDifference:
    """One metric of one group that the two arithmetics give different values, and why; None where undefined."""

    facet: str
    value_or_threshold: str
    metric: str
    compat: float | str | None
    correct: float | str | None
    why: str


@dataclass(frozen=True, eq=False)
class Bias:
    """Bias in their shape, by the arithmetic that was asked for; the other one; and evenhand's own report.

    `sections` and `other` hold `pre_training_bias_metrics` and `post_training_bias_metrics` of analysis.json.
    `statistics` holds label distributions and the model's performance, for the page. `intervals` gives, by stage,
    facet, value_or_threshold and metric, the lower and upper bound of the correct value.
    """

    arithmetic: Arithmetic
    sections: Section
    other: Section
    differences: tuple[MetricDifference, ...] = ()
    report: Report | None = None
    statistics: Section = field(default_factory=dict)
    intervals: Section = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Explained:
    """`sections` is what stands under `explanations` of analysis.json; `facts` how it was made, for our own key."""

    sections: Section
    facts: Section = field(default_factory=dict)
    explanation: Explanation | None = None
    files: tuple[Path, ...] = ()


@dataclass(frozen=True, eq=False)
class Analysis:
    """All that one run found; `document` is analysis.json, and `segments` the same for each segment."""

    config: AnalysisConfig
    document: Section
    rows: int
    dropped: int = 0
    bias: Bias | None = None
    explained: Explained | None = None
    segments: dict[str, Bias] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
