"""Opening: a table with labels and a model become a bounty — a folder of the owner's, and files for hunters."""

import secrets
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from evenhand.bounty.proving.holdout import (
    BASE,
    BOARD,
    CHECK,
    FILES,
    HIDDEN,
    PUBLIC,
    REPAIR,
    RULES,
    keep_secret,
    parts_of,
)
from evenhand.bounty.submissions.answering import answering_of, answers_of
from evenhand.core.bounty import Bounty
from evenhand.core.chance import chance
from evenhand.core.errors import ColumnNotFound, DataError, EvenhandError, SpecError
from evenhand.core.facet import Facet
from evenhand.core.frame import Frame
from evenhand.core.loss import Loss
from evenhand.core.values import Value, normalised
from evenhand.models import load_model
from evenhand.models.leaf_tables import answers_table
from evenhand.models.listed import Leaf, Listed, first_fault, save_listed
from evenhand.models.mended_files import native
from evenhand.sources import read

Array = NDArray[Any]

MOST_ROWS = 2_000_000
MOST_CLASSES = 1000
# A part with fewer rows proves, repairs or shows nothing.
FEWEST_ROWS = 100
_FILES = (".onnx", ".skops", ".ubj", ".json", ".txt")


@dataclass(frozen=True)
class Opening:
    """What an owner brings: rows with labels that stay hidden, rows to hand out, and the model that is asked about.

    `rules` are fields of `Bounty` beyond name, label, identity, features and classes, which the tables settle. The
    model is a file or a folder, or else `predicted` names columns in which its answers are recorded.
    """

    name: str
    data: Any
    label: str
    model: str | Path | None = None
    predicted: tuple[str, ...] = ()
    public: Any = None
    identity: str | None = None
    features: tuple[str, ...] = ()
    trust_pickle: bool = False
    rules: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Opened:
    """The rules of a bounty that was opened, and how many rows prove, repair and show."""

    bounty: Bounty
    rows: tuple[int, int, int]
    notes: tuple[str, ...]


def opened_in(folder: Path, opening: Opening) -> Opened:
    """Make the folder of a bounty, whole or not at all; raises EvenhandError."""
    if folder.exists():
        raise EvenhandError(f"{str(folder)!r} is there already; take another name.")
    frame = read(opening.data)
    bounty = _rules(frame, opening)
    columns, labels, notes = _rows(frame, opening, bounty)
    columns, labels = _mixed(columns, labels, opening.identity)
    bounty = bounty.model_copy(update={"classes": _classes(labels, bounty)})
    ids = _identities(columns, opening, len(labels))
    part, _ = parts_of(ids, bounty)
    sizes = tuple(int((part == place).sum()) for place in (CHECK, REPAIR, BOARD))
    if min(sizes) < FEWEST_ROWS:
        raise DataError(
            f"Of {len(ids):,} rows {sizes[0]:,} would prove, {sizes[1]:,} repair and {sizes[2]:,} show; each needs"
            f" {FEWEST_ROWS}. Give more rows."
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        _fill(made, opening, bounty, ({bounty.identity: ids} | columns, labels))
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return Opened(bounty, (sizes[0], sizes[1], sizes[2]), notes)


def _unsaid(opening: Opening) -> dict[str, Any]:
    """Rules that nobody named: a secret seed, and a checker that rare disasters cannot deceive (see bounty-proofs)."""
    loss = Loss.model_validate(opening.rules.get("loss", Loss()))
    counts = loss.of_labels or loss.name == "top"
    # Who knows the seed knows which rows prove, and Thresholdout's noise; it is never told.
    return {"seed": secrets.randbits(62), "checker": "paired-z" if counts else "bernstein"}


def _rules(frame: Frame, opening: Opening) -> Bounty:
    identity = opening.identity or "id"
    for name in (
        opening.label,
        *opening.features,
        *opening.predicted,
        *([opening.identity] if opening.identity else []),
    ):
        if name not in frame.kinds:
            raise ColumnNotFound(name, frame.kinds)
    if (opening.model is None) == (not opening.predicted):
        raise SpecError("A bounty is about one model: give its file (--model), or the column of its recorded answers.")
    outside = {identity, opening.label, *opening.predicted}
    features = opening.features or tuple(name for name in frame.kinds if name not in outside)
    if wrong := [name for name in features if name in outside]:
        raise SpecError(f"The column {wrong[0]!r} cannot be a feature: it is the label, the id or recorded answers.")
    if not features:
        raise SpecError("No column is left that groups could be made of; name some with --feature.")
    fields = {"name": opening.name, "label": opening.label, "identity": identity, "features": features}
    try:
        bounty = Bounty.model_validate(_unsaid(opening) | fields | opening.rules)
    except ValidationError as error:
        raise SpecError(f"No bounty can have these rules: {first_fault(error)}.") from None
    for text in bounty.facets:
        for column in Facet.parse(text, features).columns:
            if column not in features:
                raise ColumnNotFound(column, features)
    return bounty


def _rows(frame: Frame, opening: Opening, bounty: Bounty) -> tuple[dict[str, Array], Array, tuple[str, ...]]:
    """The columns and labels of the rows whose label is known, and notes."""
    if frame.height > MOST_ROWS:
        raise DataError(f"The hold-out has {frame.height:,} rows; take a sample of at most {MOST_ROWS:,}.")
    wanted = [*([opening.identity] if opening.identity else []), *bounty.features, *opening.predicted, opening.label]
    expressions = frame.expressions
    fetched = frame.rows({name: expressions.column(name) for name in wanted}, MOST_ROWS, bounty.seed)
    values = fetched.pop(opening.label)
    known = np.array([normalised(value) is not None for value in values.tolist()], bool)
    lost = int((~known).sum())
    notes = (*frame.notes, *((f"{lost:,} rows without a label were left out.",) if lost else ()))
    return {name: column[known] for name, column in fetched.items()}, values[known], notes


def _mixed(columns: dict[str, Array], labels: Array, identity: str | None) -> tuple[dict[str, Array], Array]:
    """The rows in an order that tells nothing: a table that is sorted by its labels would give them away.

    With ids the order depends on them alone; ids that are numbered here are numbered in an order nobody knows.
    """
    if identity is None:
        order = np.random.default_rng().permutation(len(labels))
    else:
        order = np.argsort(chance([normalised(value) for value in columns[identity].tolist()], "order"), kind="stable")
    return {name: values[order] for name, values in columns.items()}, labels[order]


def _classes(labels: Array, bounty: Bounty) -> tuple[Value, ...]:
    """The labels that there are, sorted; none where they are numbers."""
    if bounty.loss.of_numbers:
        if labels.dtype.kind not in "biuf":
            raise DataError(f"The loss {bounty.loss} is of numbers, and the label {bounty.label!r} holds none.")
        return ()
    plain = (normalised(value) for value in labels.tolist())
    found = {value for value in plain if value is not None}
    if not 2 <= len(found) <= MOST_CLASSES:
        raise DataError(
            f"The label {bounty.label!r} has {len(found):,} values; the loss {bounty.loss} needs 2 to {MOST_CLASSES:,}"
            " classes. For numbers take squared:WIDTH or absolute:WIDTH."
        )
    if bounty.loss.name == "top" and bounty.loss.most >= len(found):
        raise SpecError(f"The loss {bounty.loss} is never wrong with {len(found)} classes; name fewer.")
    return tuple(sorted(found, key=lambda value: (type(value).__name__, value)))


def _identities(columns: dict[str, Array], opening: Opening, height: int) -> Array:
    """The text of each row's id; without a column of ids, they are numbered."""
    if opening.identity is None:
        return np.array([f"r{place:07d}" for place in range(1, height + 1)])
    ids = np.array([str(normalised(value)) for value in columns.pop(opening.identity).tolist()])
    if len(np.unique(ids)) != len(ids):
        raise DataError(f"The column {opening.identity!r} has the same id more than once; an id names one row.")
    return ids


def _fill(folder: Path, opening: Opening, bounty: Bounty, rows: tuple[dict[str, Array], Array]) -> None:
    columns, labels = rows
    (folder / FILES).mkdir()
    base = _base(folder, opening, bounty, columns)
    keep_secret(folder, coded(labels, bounty), base)
    write_rows(folder / HIDDEN, {name: columns[name] for name in (bounty.identity, *bounty.features)})
    if opening.public is not None:
        write_rows(folder / PUBLIC, _public(opening.public, bounty, columns[bounty.identity]))
    (folder / RULES).write_text(bounty.model_dump_json(indent=1), encoding="utf-8")


def _base(folder: Path, opening: Opening, bounty: Bounty, columns: dict[str, Array]) -> Array:
    """Keep the model that the bounty is about, as a decision list without nodes; what it answers."""
    given = native(columns, list(columns))
    loaded = None if opening.model is None else load_model(opening.model, trust_pickle=opening.trust_pickle)
    path = Path(str(opening.model)).expanduser()
    files: dict[str, bytes | Path] = {}
    if loaded is None:
        leaf = Leaf(columns=opening.predicted)
    elif path.suffix.lower() in _FILES or path.is_dir():
        leaf = Leaf(file=f"leaf-0{path.suffix.lower()}")
        files[str(leaf.file)] = path
    else:  # A service, a program or a pickle: what it answers now is kept, not what it is.
        leaf = Leaf(table="leaf-0.parquet")
        answers = answers_of(loaded, native(columns, list(bounty.features)), bounty.loss, bounty.classes)
        files[str(leaf.table)] = answers_table(columns[bounty.identity].tolist(), answers)
    listed = Listed(
        name=bounty.name, leaves=(leaf,), answering=answering_of(bounty.loss), classes=bounty.classes,
        identity=bounty.identity, features=bounty.features,
    )  # fmt: skip
    save_listed(folder / BASE, listed, files)
    return answers_of(load_model(folder / BASE), given, bounty.loss, bounty.classes)


def coded(labels: Array, bounty: Bounty) -> Array:
    """Labels as the loss reads them: places among the classes, or numbers."""
    if bounty.loss.of_numbers:
        return labels.astype(np.float64)
    places = {value: place for place, value in enumerate(bounty.classes)}
    return np.array([places[normalised(value)] for value in labels.tolist()], np.int32)  # type: ignore[index]


def write_rows(path: Path, columns: dict[str, Array]) -> None:
    """Columns as a Parquet file."""
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table({name: pyarrow.array(values, from_pandas=True) for name, values in columns.items()})
    parquet.write_table(table, path, compression="zstd")


def _public(data: Any, bounty: Bounty, ids: Array) -> dict[str, Array]:
    """The rows that are handed out, with their labels; raises DataError where they are rows of the hold-out."""
    frame = read(data)
    if bounty.identity in frame.kinds:
        column = frame.expressions.column(bounty.identity)
        given = frame.rows({"id": column}, MOST_ROWS, bounty.seed)["id"].tolist()
        both = {str(normalised(value)) for value in given} & set(ids.tolist())
        if both:
            raise DataError(
                f"{len(both):,} rows of the public data are in the hold-out, such as {min(both)!r}, and would give"
                " their labels away; take other rows."
            )
    wanted = (*bounty.features, bounty.label)
    for name in wanted:
        if name not in frame.kinds:
            raise ColumnNotFound(name, frame.kinds)
    return frame.rows({name: frame.expressions.column(name) for name in wanted}, MOST_ROWS, bounty.seed)
