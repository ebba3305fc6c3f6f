"""Numbers as analysis.json holds them, and secrets taken out of what is shown."""

import math
import re
from typing import Any

# An address with what stands before its host, and what follows its path; either may be a secret.
_ADDRESS = re.compile(r"\b([a-z][a-z0-9+.-]*://)([^\s/?#\"'<>]*@)?([^\s?#\"'<>]*)([?#][^\s\"'<>]*)?", re.IGNORECASE)
_HIDDEN = "…"
# Sent to the model as a header; nobody can tell from outside whether it holds a token.
_SECRET_KEYS = frozenset({"custom_attributes"})


def number(value: Any) -> float | None:
    """A number of analysis.json, where infinities are texts; None where it is none, or NaN."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str) and value not in ("Infinity", "-Infinity"):
        return None
    found = float(value)
    return None if math.isnan(found) else found


def without_secrets(value: Any) -> Any:
    """The same without passwords, queries and fragments of addresses, and without attributes sent to the model."""
    if isinstance(value, str):
        return _ADDRESS.sub(_shown, value)
    if isinstance(value, dict):
        return {
            str(key): _HIDDEN if key in _SECRET_KEYS and each else without_secrets(each) for key, each in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [without_secrets(each) for each in value]
    return value


def _shown(found: re.Match[str]) -> str:
    scheme, user, place, rest = found.groups()
    return f"{scheme}{_HIDDEN + '@' if user else ''}{place}{rest[0] + _HIDDEN if rest else ''}"
