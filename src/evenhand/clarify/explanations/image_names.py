"""Image names: file names for heat maps, safe on every system, one for each image."""

import re
from collections.abc import Sequence

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST = 100


def safe_names(names: Sequence[str]) -> list[str]:
    """For each image's name a different one of letters, digits, dots and dashes alone, without folder and ending."""
    taken: set[str] = set()
    found = []
    for name in names:
        plain = _plain(name)
        candidate, number = plain, 1
        # Some systems take A and a for the same file.
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{plain}_{number}"
        taken.add(candidate.casefold())
        found.append(candidate)
    return found


def _plain(name: str) -> str:
    last = re.split(r"[/\\]", name)[-1]
    stem = last.rpartition(".")[0] or last
    return _UNSAFE.sub("_", stem).strip(".")[:_LONGEST] or "image"
