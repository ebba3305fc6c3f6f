"""LoadedModel: a model that is ready to be asked, with its answers checked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from evenhand.core.errors import EvenhandError, ModelError
from evenhand.models.answers import checked

Answers = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class LoadedModel:
    """A model by its name, the columns it needs (None: whatever it is given), its classes, and how to ask it."""

    name: str
    ask: Callable[[Any], Answers]
    features: tuple[str, ...] | None = None
    classes: tuple[Any, ...] | None = None

    def predict(self, rows: Any) -> dict[str, NDArray[Any]]:
        """`label` (predicted labels) and `score` (probability of the positive class), as far as the model gives them.

        Raises ModelError where the model fails or its answer does not fit the rows.
        """
        try:
            answers = self.ask(rows)
        except EvenhandError:
            raise
        except Exception as error:
            told = str(error).strip().splitlines() or ["no message"]
            raise ModelError(
                f"The model {self.name} failed on a batch of {len(rows):,} rows: {type(error).__name__}: {told[0]}"
            ) from error
        return {kind: checked(values, kind, len(rows), self.name) for kind, values in answers.items()}
