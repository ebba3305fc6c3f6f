"""Repairing: what transformers share that move numeric columns by each row's facet, as far as `amount` says."""

from collections.abc import Sequence
from typing import Any, Self

from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from evenhand.core.errors import DataError
from evenhand.mitigations.amounts import checked_amount
from evenhand.mitigations.before.columns import NoRows, has_rows, is_frame, numbers_of, numeric_columns, with_numbers

Array = NDArray[Any]


class Repairing(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformer that keeps the kind of table, all other columns, and missing values."""

    columns: Sequence[Any] | None
    amount: float

    def fit(self, X: Any, y: Any = None, *, facet: Any = None, sample_weight: Any = None) -> Self:  # noqa: N803, ARG002
        """Learn how groups differ; `facet` is each row's group, or several columns.

        Raises DataError where the facet does not fit the rows or nothing is numeric, ColumnNotFound for a column that
        is not there, SpecError for an amount outside 0 to 1.
        """
        checked_amount(self.amount)
        table = self._read(X, reset=True)
        self.columns_ = numeric_columns(table, self.columns)
        values = numbers_of(table, self.columns_)
        weight = _check_sample_weight(sample_weight, values, ensure_non_negative=True)
        self.faceted_ = facet is not None
        self.result_ = self._learned(values, facet, weight)
        return self

    def transform(self, X: Any, *, facet: Any = None) -> Any:  # noqa: N803
        """The table with its columns repaired; raises DataError where the facet is missing or does not fit."""
        check_is_fitted(self)
        table = self._read(X, reset=False)
        if self.faceted_ and facet is None:
            raise DataError(
                f"{type(self).__name__} was fitted with a facet; give facet= to transform too (in a Pipeline: "
                "set_transform_request(facet=True))."
            )
        values = numbers_of(table, self.columns_)
        moved = (1 - self.amount) * values + self.amount * self._moved(values, facet)
        return with_numbers(table, self.columns_, moved)

    def fit_transform(self, X: Any, y: Any = None, *, facet: Any = None, sample_weight: Any = None) -> Any:  # noqa: N803
        """Learn from the rows, and repair them."""
        return self.fit(X, y, facet=facet, sample_weight=sample_weight).transform(X, facet=facet)

    def _learned(self, values: Array, facet: Any, weight: Array) -> Any:
        raise NotImplementedError

    def _moved(self, values: Array, facet: Any) -> Array:
        raise NotImplementedError

    def _read(self, table: Any, *, reset: bool) -> Any:
        """The table as it came, where columns have names; an array of numbers otherwise."""
        if not has_rows(table):
            raise NoRows("There are no rows to repair.")
        if is_frame(table):
            validate_data(self, table, skip_check_array=True, reset=reset)
            return table
        return validate_data(self, table, reset=reset, dtype="numeric", ensure_all_finite=False)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
