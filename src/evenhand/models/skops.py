"""skops files: estimators stored without pickle; only harmless types, and trees that are whole, are loaded."""

from pathlib import Path
from typing import Any

from evenhand.core.errors import MissingExtra, ModelError, UntrustedModel
from evenhand.models.skops_trees import CHECKED, check_trees

_SHOWN = 5
# Plain Python classes of scikit-learn that hold arrays and other estimators, and do nothing when they are made.
_PLAIN = (
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.utils._bunch.Bunch",
)


def load_skops(path: Path) -> Any:
    """The estimator in this file.

    Raises UntrustedModel where it needs types that are not known to be harmless, ModelError where it is not whole.
    """
    try:
        import skops.io
    except ImportError as error:
        raise MissingExtra("Loading a skops file", "skops", "skops") from error
    try:
        distrusted = set(skops.io.get_untrusted_types(file=path))
    except Exception as error:  # whatever a broken archive makes of readers of zip and JSON
        raise ModelError(f"{path.name} is not a whole skops file; write it again with skops.io.dump.") from error
    known = distrusted & {*CHECKED, *_PLAIN}
    if unknown := sorted(distrusted - known):
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        raise UntrustedModel(
            f"{path.name} needs types that are not known to be harmless: {', '.join(unknown[:_SHOWN])}{more};"
            " load it yourself with skops.io.load(trusted=…) and pass the estimator."
        )
    try:
        model = skops.io.load(path, trusted=sorted(known))
    except Exception as error:
        told = str(error).strip().splitlines() or ["no message"]
        raise ModelError(f"{path.name} cannot be loaded: {type(error).__name__}: {told[0]}") from error
    if known & set(CHECKED):
        check_trees(model, path.name)
    return model
