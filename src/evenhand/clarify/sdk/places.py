"""Places: analysis_config.json at the folder or address that the SDK would have uploaded it to."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evenhand.core.writing import write_whole

FILE = "analysis_config.json"


def write_config(config: Mapping[str, Any], place: str) -> str:
    """Write analysis_config.json into a folder here or at an address, and return where it stands.

    Raises EvenhandError where it cannot be written.
    """
    from evenhand.clarify.storage import deliver, is_remote

    text = json.dumps(config, indent=2) + "\n"
    location = f"{place.rstrip('/')}/{FILE}"
    if not is_remote(place):
        write_whole(location, text)
        return location
    with tempfile.TemporaryDirectory(prefix="evenhand-") as folder:
        write_whole(Path(folder) / FILE, text)
        deliver(Path(folder), place)
    return location
