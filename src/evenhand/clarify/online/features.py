"""Features: what the columns are called and of which types, the rows of absence, and requests read by them."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evenhand.clarify.online.online_config import ContentType, FeatureType, OnlineConfig
from evenhand.clarify.online.records import lines_of, number, numbers_of, text_of
from evenhand.core.errors import DataError, MissingExtra, SpecError, UnreadableSource

_MOST_BASELINE = 25 * 2**20


@dataclass(frozen=True)
class Records:
    """The records of one request: one column of values a feature, and how each record was written."""

    columns: Mapping[str, Any]
    written: Sequence[str]
    kind: ContentType

    def __len__(self) -> int:
        return len(self.written)

    def table(self, places: Sequence[int] | None = None) -> Any:
        """These records (by default all) as a dataframe."""
        pandas = _pandas()
        kind = "str" if int(pandas.__version__.partition(".")[0]) >= 3 else object
        series = {
            name: pandas.Series(values, dtype=kind) if isinstance(values, list) else values
            for name, values in self.columns.items()
        }
        frame = pandas.DataFrame(series)
        return frame if places is None else frame.iloc[list(places)].reset_index(drop=True)


@dataclass(frozen=True)
class Features:
    """The names, types and absent values of the columns; `numeric` says which are numbers for the model."""

    names: tuple[str, ...]
    types: tuple[FeatureType, ...]
    numeric: tuple[bool, ...]
    attribute: str | None
    baseline: Records

    @property
    def texts(self) -> tuple[str, ...]:
        """The names of the text features."""
        return tuple(name for name, kind in zip(self.names, self.types, strict=True) if kind == "text")

    def records(self, body: bytes, kind: ContentType) -> Records:
        """The records of a request; raises DataError naming the record and the feature that is wrong."""
        return _read(body, kind, self.attribute, "The request", self.names, self.numeric)


def features_of(config: OnlineConfig, named: Sequence[str] | None = None) -> Features:
    """Names, types and baseline of this config; `named` are the columns that the model says it takes.

    Raises SpecError and DataError where headers, types and baseline do not fit together.
    """
    inference, given = config.inference, config.shap.baseline
    body = _baseline_bytes(config)
    rows = [line.cells for line in lines_of(body, given.mime_type, inference.features_attribute, "The SHAP baseline")]
    if not rows:
        raise DataError("The SHAP baseline has no rows; give at least one.")
    width = len(rows[0])
    names = inference.feature_headers or _named(named, width) or tuple(f"column_{place}" for place in range(width))
    if len(names) != width:
        raise SpecError(f"FeatureHeaders has {len(names)} entries and the SHAP baseline {width} columns.")
    seen = [all(_is_number(row[place]) for row in rows if place < len(row)) for place in range(width)]
    types = _types(config, seen)
    numeric = tuple(kind == "numerical" or (kind == "categorical" and seen[at]) for at, kind in enumerate(types))
    baseline = _read(body, given.mime_type, inference.features_attribute, "The SHAP baseline", names, numeric)
    return Features(tuple(names), types, numeric, inference.features_attribute, baseline)


def _named(named: Sequence[str] | None, width: int) -> tuple[str, ...] | None:
    return tuple(named) if named is not None and len(named) == width else None


def _types(config: OnlineConfig, seen: Sequence[bool]) -> tuple[FeatureType, ...]:
    """The types given, or else found in the baseline: text is text where there is a TextConfig."""
    given = config.inference.feature_types
    if given is not None and len(given) != len(seen):
        raise SpecError(f"FeatureTypes has {len(given)} entries and the SHAP baseline {len(seen)} columns.")
    other: FeatureType = "text" if config.shap.text is not None else "categorical"
    return given if given is not None else tuple("numerical" if plain else other for plain in seen)


def _is_number(value: Any) -> bool:
    """Whether a cell of the baseline is a number; one that is empty is none."""
    if value is None or isinstance(value, bool) or value == "":
        return isinstance(value, bool)
    try:
        number(value, "")
    except DataError:
        return False
    return True


def _baseline_bytes(config: OnlineConfig) -> bytes:
    given = config.shap.baseline
    if given.inline is not None:
        return given.inline.encode()
    from evenhand.clarify.storage import local_copy

    path = local_copy(given.uri or "")
    try:
        size = path.stat().st_size
        if size > _MOST_BASELINE:
            raise DataError(f"The SHAP baseline has {size:,} bytes; at most {_MOST_BASELINE:,} are read.")
        return path.read_bytes()
    except OSError as error:
        raise UnreadableSource(f"ShapBaselineUri {given.uri!r} cannot be read: {error.strerror}.") from None


def _read(
    body: bytes,
    kind: ContentType,
    attribute: str | None,
    what: str,
    names: Sequence[str],
    numeric: Sequence[bool],
) -> Records:
    columns: list[Any] = [array("d") if plain else [] for plain in numeric]
    written: list[str] = []
    for place, line in enumerate(lines_of(body, kind, attribute, what), start=1):
        if len(line.cells) != len(names):
            raise DataError(f"{what}, record {place}, has {len(line.cells):,} values; there are {len(names)} features.")
        for name, plain, column, cell in zip(names, numeric, columns, line.cells, strict=True):
            where = f"{what}, record {place}, feature {name!r},"
            column.append(number(cell, where) if plain else text_of(cell, where))
        written.append(line.written)
    if not written:
        raise DataError(f"{what} has no records.")
    values = [numbers_of(column) if plain else column for plain, column in zip(numeric, columns, strict=True)]
    return Records(dict(zip(names, values, strict=True)), written, kind)


def _pandas() -> Any:
    try:
        import pandas
    except ImportError as error:
        raise MissingExtra("The online explainer", "pandas", "online") from error
    return pandas
