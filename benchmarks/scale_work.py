"""Work that the benchmarks send to workers; a module of its own, so that workers can import it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

FEATURES = tuple(f"x{place}" for place in range(10))
HERE = Path(__file__).resolve().parent

# One thread a worker, so that rows a core can be compared; to be set before NumPy and scikit-learn are loaded.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "SPARK_LOCAL_IP": "127.0.0.1", "PYTHONPATH": str(HERE),
    "PYTHONWARNINGS": "ignore",
}  # fmt: skip


@dataclass
class Predicting:
    """Asks a model that is in a file for the probability of each row; loads it once a worker."""

    file: str
    _model: Any = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {"file": self.file, "_model": None}

    def model(self) -> Any:
        if self._model is None:
            import joblib

            self._model = joblib.load(self.file)
        return self._model

    def answers(self, table: Any) -> Any:
        columns = [table.column(place).to_numpy() for place in range(len(FEATURES))]
        return self.model().predict_proba(np.column_stack(columns))[:, 1]

    def __call__(self, rows: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa

        for table in rows:
            answers = np.asarray(self.answers(table), np.float64)
            yield pa.table({"score": answers, "worker": np.full(len(answers), os.getpid(), np.int64)})
