"""Audit: what is asked of which columns — frozen, read from YAML or JSON, with a JSON Schema."""

from itertools import combinations
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from evenhand.core.errors import SpecError
from evenhand.core.facet import Facet
from evenhand.core.group import Group
from evenhand.core.values import Value

Missing = Literal["own group", "drop", "error"]
Comparison = Literal["one-vs-rest", "one-vs-reference", "all-pairs"]
Outcome = Literal["binary", "multiclass", "regression"]
Correction = Literal["benjamini-hochberg", "holm", "none"]


def _listed(value: object) -> object:
    return (value,) if isinstance(value, (str, int, float, bool, Group, Facet)) else value


def _facet_texts(value: object) -> object:
    listed = _listed(value)
    return tuple(str(item) for item in listed) if isinstance(listed, (list, tuple)) else listed


Values = Annotated[tuple[Value, ...], BeforeValidator(_listed)]
FacetTexts = Annotated[tuple[str, ...], BeforeValidator(_facet_texts)]
Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class Audit(BaseModel):
    """The questions of one audit; the data and the model are given beside it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    label: str | None = Field(
        default=None, description="The column of true outcomes, or a condition such as income>=50000."
    )
    positive: Values = Field(default=(), description="The label values that count as the favourable outcome.")
    predicted_label: str | None = Field(default=None, description="The column of predicted outcomes, or a condition.")
    score: str | None = Field(default=None, description="The column of predicted scores.")
    score_threshold: float = Field(default=0.5, description="Scores at or above it are predicted positive.")
    score_range: tuple[float, float] = Field(default=(0.0, 1.0), description="The lowest and highest possible score.")
    score_bins: int = Field(default=1024, ge=2, le=65536, description="Equal-width bins the scores are counted in.")
    outcome: Outcome | None = Field(default=None, description="The kind of outcome; by default read off the label.")
    prediction_interval: tuple[str, str] | None = Field(
        default=None, description="Regression: the columns of the lower and upper predicted bound."
    )
    facets: FacetTexts = Field(default=(), description="Divisions of the rows: race, sex=Female, age<25, age@25,45,65.")
    intersections: int | tuple[FacetTexts, ...] = Field(
        default=(), description="Facets to cross: a list of lists, or a depth (2: all pairs)."
    )
    comparison: Comparison = Field(default="one-vs-rest", description="What each group is compared with.")
    reference: dict[str, Value] = Field(
        default={}, description="For one-vs-reference: the reference value of each facet."
    )
    stratum: str | None = Field(default=None, description="The column within whose values conditional metrics compare.")
    weight: str | None = Field(default=None, description="The column of row weights.")
    block: str | None = Field(
        default=None, description="The column that says which rows are dependent, such as a person."
    )
    missing: dict[str, Missing] = Field(
        default={}, description="What to do with missing values, by column; default own group."
    )
    metrics: Names = Field(default=(), description="Codes of the metrics to compute; by default all that apply.")
    features: Names | None = Field(
        default=None, description="The columns the flip test compares by; default all others."
    )
    flip_test_rows: int = Field(
        default=20_000, ge=100, description="Most rows the flip test looks at, sampled; fewer with many features."
    )
    thresholds: dict[str, float] = Field(
        default={}, description="How far from parity is acceptable, by metric code: 0.1 for a gap, 0.8 for a ratio."
    )
    level: float = Field(default=0.95, gt=0.5, lt=1, description="The coverage of the intervals.")
    draws: int = Field(default=1000, ge=100, le=100_000, description="Bootstrap draws.")
    correction: Correction = Field(
        default="benjamini-hochberg", description="The correction for the number of questions."
    )
    small: int = Field(default=30, ge=1, description="Groups with fewer rows are marked as small.")
    most_groups: int = Field(
        default=200, ge=2, description="Facets with more groups keep the largest; the rest is one group."
    )
    most_cells: int = Field(default=2_000_000, ge=1000, description="The most cells a tally may have.")
    seed: int = Field(default=0, ge=0, description="The seed of everything random.")

    @field_validator("facets")
    @classmethod
    def _facets_parse(cls, facets: tuple[str, ...]) -> tuple[str, ...]:
        for text in facets:
            Facet.parse(text)
        return tuple(dict.fromkeys(facets))

    @model_validator(mode="after")
    def _agrees(self) -> "Audit":
        if self.label is None and self.predicted_label is None and self.score is None:
            raise SpecError("Nothing to audit: give label, predicted_label or score.")
        if not self.facets:
            raise SpecError("No facet: name at least one column or group to compare, such as race or sex=Female.")
        if self.comparison == "one-vs-reference" and not self.reference:
            raise SpecError("one-vs-reference needs reference, such as {race: White}.")
        low, high = self.score_range
        if not low < high:
            raise SpecError(f"score_range must ascend; it is {low} to {high}.")
        known = set(self.facets)
        for crossed in self.intersections if isinstance(self.intersections, tuple) else ():
            if unknown := [facet for facet in crossed if facet not in known]:
                raise SpecError(f"The intersection names {unknown[0]!r}, which is not among the facets {self.facets}.")
        return self

    @property
    def crossed(self) -> tuple[tuple[str, ...], ...]:
        """The facets to cross, each crossing once."""
        if isinstance(self.intersections, tuple):
            return tuple(dict.fromkeys(crossed for crossed in self.intersections if len(crossed) > 1))
        depths = range(2, min(self.intersections, len(self.facets)) + 1)
        return tuple(crossed for depth in depths for crossed in combinations(self.facets, depth))
