"""skops files: estimators stored without pickle; only types known to be harmless are loaded."""

from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from evenhand.core.errors import MissingExtra, ModelError, UntrustedModel

_SHOWN = 5


def load_skops(path: Path) -> Any:
    """The estimator in this file; raises UntrustedModel where it needs types that skops does not trust."""
    try:
        import skops.io
    except ImportError as error:
        raise MissingExtra("Loading a skops file", "skops", "skops") from error
    try:
        unknown = sorted(skops.io.get_untrusted_types(file=path))
    except (BadZipFile, KeyError, ValueError, TypeError, OSError) as error:
        raise ModelError(f"{path.name} is not a whole skops file; write it again with skops.io.dump.") from error
    if unknown:
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        raise UntrustedModel(
            f"{path.name} needs types that are not known to be harmless: {', '.join(unknown[:_SHOWN])}{more};"
            " load it yourself with skops.io.load(trusted=…) and pass the estimator."
        )
    try:
        return skops.io.load(path)
    except Exception as error:
        told = str(error).strip().splitlines() or ["no message"]
        raise ModelError(f"{path.name} cannot be loaded: {type(error).__name__}: {told[0]}") from error
