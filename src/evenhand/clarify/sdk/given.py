"""given: the arguments that were given, as part of a config."""

from typing import Any


def given(**values: Any) -> dict[str, Any]:
    """The arguments that are not None, by name and in order."""
    return {name: value for name, value in values.items() if value is not None}
