"""Model: anything that answers for rows — a callable from a dataframe to an array."""

from typing import Any, Protocol

from numpy.typing import NDArray


class Model(Protocol):
    """A model, seen from outside: rows in, one answer a row out.

    `rows` is a dataframe of the library the data came in (pandas for files, where it is installed). The answer is
    one of: labels (n values of any one type), scores (n floats from 0 to 1, the probability of the positive class),
    or probabilities (n rows of one float for each class, summing to 1).
    """

    def __call__(self, rows: Any) -> NDArray[Any]:
        """The answers for these rows, in their order."""
