"""AuditFile: an audit with the places of its data and model, as one YAML or JSON file."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, Field, ValidationError

from evenhand.core.audit import Audit
from evenhand.core.errors import SpecError, suggestion
from evenhand.core.yaml_text import read_yaml

# Endings of files that hold baseline rows.
BASELINE_FILES = (".csv", ".tsv", ".parquet", ".json", ".jsonl", ".xlsx", ".gz", ".zst")
_SHOWN = 200  # characters of a value in a message


class AuditFile(Audit):
    """The questions of an audit, and where data, model and report are; paths are relative to the file."""

    data: str = Field(description="A file, folder, glob or database URL.")
    sheet: str | None = Field(default=None, description="The sheet of a spreadsheet.")
    table: str | None = Field(default=None, description="The table of a database.")
    query: str | None = Field(default=None, description="The query on a database.")
    engine: str | None = Field(
        default=None, description="Who counts: processes, processes:4, spark, or the master of a Spark cluster."
    )
    model: str | None = Field(
        default=None, description="What predicts the label: a model file, a URL, or 'command: PROGRAM'."
    )
    model_options: dict[str, Any] = Field(default={}, description="How a URL is asked, such as content_type.")
    explain: bool = Field(default=False, description="Whether to add what drives the model's predictions.")
    baseline: str | None = Field(
        default=None, description="What absent inputs are when explaining: kmeans:10, median, sample:100 or a file."
    )
    explained_rows: int | None = Field(default=None, ge=1, description="How many rows to explain; default 1000.")
    predictions: str | None = Field(default=None, description="A file of recorded predictions, joined by `id`.")
    id: str | None = Field(default=None, description="The column that data and predictions are joined by.")
    report: str | None = Field(default=None, description="The folder to write report.html and report.json to.")
    title: str | None = Field(default=None, description="The title of the report.")

    @property
    def audit(self) -> Audit:
        """The questions alone."""
        return Audit(**{name: getattr(self, name) for name in Audit.model_fields})

    @classmethod
    def load(cls, path: str | Path) -> "AuditFile":
        """Read an audit file; raises SpecError with the key, what is wrong and the nearest right key."""
        path = Path(path)
        content = _content(path)
        try:
            found = cls.model_validate(content)
        except ValidationError as error:
            raise SpecError(f"{path.name}: {first_error(error, cls)}") from None
        return found.model_copy(update=_resolved(found, path.parent))


def _content(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SpecError(f"Cannot read the audit file {str(path)!r}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SpecError(f"The audit file {str(path)!r} is not UTF-8 text.") from None
    try:
        content = read_yaml(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "it does not parse"
        raise SpecError(
            f'{path.name} is not valid YAML{place}: {problem}. Put values such as ">50K" in quotes.'
        ) from None
    if not isinstance(content, dict):
        raise SpecError(f"{path.name} must hold keys such as data, label and facets.")
    return content


def first_error(error: ValidationError, model: type[BaseModel]) -> str:
    """The first thing wrong in a file of settings, in one line."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"unknown key {key!r}.{suggestion(key, sorted(model.model_fields), most=60)}"
    if first["type"] == "missing":
        return f"the key {key!r} is needed."
    given = repr(first["input"])
    shown = given if len(given) <= _SHOWN else f"{given[:_SHOWN]}…"
    return f"{key}: {first['msg']}; it is {shown}."


def _resolved(found: AuditFile, folder: Path) -> dict[str, str]:
    """Paths as seen from the folder of the audit file; URLs, commands and words such as kmeans:10 stay."""
    places = {name: getattr(found, name) for name in ("data", "model", "predictions", "report", "baseline")}
    return {name: str(folder / place) for name, place in places.items() if place is not None and _is_path(name, place)}


def _is_path(name: str, place: str) -> bool:
    if name == "baseline":
        return place.lower().endswith(BASELINE_FILES)
    return "://" not in place and not place.startswith("command:")
