"""Claims: predictions and models become answers on the hold-out's rows; whatever else was sent is refused by name."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from numpy.typing import NDArray
from pyarrow import parquet

from evenhand.bounty.submissions.answering import places_of
from evenhand.bounty.submissions.claims import Claim, Failure, Refusal, claimed
from evenhand.bounty.submissions.kinds import kinds_of
from evenhand.bounty.submissions.sandbox import Sandbox
from evenhand.core.bounty import Bounty, Limits
from evenhand.core.loss import Loss
from evenhand.core.values import Kind as ColumnKind

HEIGHT = 40
AGE = np.arange(HEIGHT) + 20
YOUNG = b'"age<30"'
INSIDE = AGE < 30


@dataclass(frozen=True)
class Rows:
    """What hunters know of a small hold-out."""

    ids: NDArray[Any]
    columns: dict[str, NDArray[Any]]

    @property
    def kinds(self) -> dict[str, ColumnKind]:
        return kinds_of(self.columns)


ROWS = Rows(
    np.array([f"r{place}" for place in range(HEIGHT)]),
    {"age": AGE, "income": AGE * 100.0, "sex": np.array(["f", "m"] * (HEIGHT // 2), object)},
)
BOUNTY = Bounty(
    name="loans", label="repaid", classes=("no", "yes"), identity="id", features=("age", "income", "sex"),
    limits=Limits(seconds=60, bytes=2**20),
)  # fmt: skip
NUMBERS = BOUNTY.model_copy(update={"classes": (), "loss": Loss.parse("squared:100")})
CHANCES = BOUNTY.model_copy(update={"loss": Loss(name="log")})


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as made:
        yield made


def predicted(**columns: Any) -> dict[str, Any]:
    return {"id": [f"r{place}" for place in range(10)], "prediction": ["yes"] * 10} | columns


def kept(folder: Path, columns: Any) -> Path:
    file = folder / "sent.parquet"
    parquet.write_table(columns if isinstance(columns, pyarrow.Table) else pyarrow.table(columns), file)
    return file


def claim(sandbox: Sandbox, file: Path, bounty: Bounty = BOUNTY, group: bytes = YOUNG) -> Any:
    return claimed(bounty, ROWS, "predictions", group, file, sandbox)


@pytest.mark.parametrize("form", ["parquet", "csv", "dictionary", "large"])
def test_predictions_are_put_where_their_ids_are(sandbox: Sandbox, tmp_path: Path, form: str) -> None:
    order = np.random.default_rng(1).permutation(HEIGHT)
    labels = np.where(AGE % 3 == 0, "yes", "no")
    table = pyarrow.table({"prediction": labels[order], "id": ROWS.ids[order]})
    if form == "csv":
        file = tmp_path / "sent.csv"
        file.write_text("id,prediction\n" + "".join(f"{ROWS.ids[at]},{labels[at]}\n" for at in order))
    elif form == "dictionary":
        file = kept(tmp_path, pyarrow.table({name: table[name].dictionary_encode() for name in table.column_names}))
    else:
        kind = pyarrow.large_string() if form == "large" else pyarrow.string()
        file = kept(tmp_path, table.cast(pyarrow.schema([("prediction", kind), ("id", kind)])))
    found = claim(sandbox, file)
    assert isinstance(found, Claim)
    assert np.array_equal(found.mask, INSIDE)
    assert found.answers.dtype == np.int64
    assert np.array_equal(found.answers[INSIDE], (AGE % 3 == 0)[INSIDE].astype(int))


def test_predictions_outside_the_group_may_come_and_are_not_looked_at(sandbox: Sandbox, tmp_path: Path) -> None:
    columns = {"id": ROWS.ids, "prediction": ["yes"] * 10 + ["nonsense"] * 30}
    assert isinstance(claim(sandbox, kept(tmp_path, columns)), Claim)


def test_numbers_and_probabilities_are_read_as_the_loss_wants_them(sandbox: Sandbox, tmp_path: Path) -> None:
    found = claim(sandbox, kept(tmp_path, predicted(prediction=np.arange(10) * 1.5)), NUMBERS)
    assert found.answers[INSIDE].tolist() == (np.arange(10) * 1.5).tolist()
    shares = np.linspace(0, 1, 10)
    found = claim(sandbox, kept(tmp_path, {"id": ROWS.ids[:10], "yes": shares, "no": 1 - shares}), CHANCES)
    assert np.allclose(found.answers[INSIDE], np.column_stack([1 - shares, shares]))


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (predicted(id=[f"r{place}" for place in range(9)] + ["x1"]), "1 ids are none of the hidden rows', such as 'x1'"),
        (predicted(id=[f"r{place}" for place in range(9)] + ["r0"]), "1 ids come twice, such as 'r0'"),
        (predicted(id=[f"r{place}" for place in range(9)] + ["r39"]), "1 ids of the group have no prediction, such as 'r9'"),
        (predicted(id=[f"r{place}" for place in range(9)] + [None]), "1 ids are none of the hidden rows'"),
        (predicted(id=np.arange(10) / 2), "Ids are texts or whole numbers"),
        (predicted(id=np.arange(10)), "10 ids are none of the hidden rows', such as '0'"),
        (predicted(prediction=["yes"] * 9 + [None]), "1 rows of the group have no prediction that is a number"),
        (predicted(prediction=["yes"] * 9 + ["maybe"]), "The label 'maybe' is none of the bounty's: 'no', 'yes'."),
        (predicted(label=["yes"] * 10), "predictions have the columns 'id', 'prediction', each once, and no others"),
        ({"id": ["r1"]}, "The columns are 'id'; predictions have the columns"),
        (predicted(prediction=[["yes"]] * 10), "The column 'prediction' is of type list"),
        (predicted(prediction=[b"yes"] * 10), "The column 'prediction' is of type binary"),
        ({"id": ["r1"] * 41, "prediction": ["yes"] * 41}, "holds 41 rows or more, and there are 40 ids"),
        (predicted(prediction=["<script>\n\x1b[31m"] * 10), "The label '<script>"),
    ],
)  # fmt: skip
def test_tables_that_are_wrong_are_refused_by_name(sandbox: Sandbox, tmp_path: Path, columns: Any, told: str) -> None:
    found = claim(sandbox, kept(tmp_path, columns))
    assert isinstance(found, Refusal)
    assert told in found.told
    assert not {"\n", "\x1b"} & set(found.told)


@pytest.mark.parametrize(
    ("bounty", "columns", "told"),
    [
        (NUMBERS, predicted(prediction=[1.0] * 9 + [np.nan]), "1 rows of the group have no prediction that is a number"),
        (NUMBERS, predicted(prediction=[1.0] * 9 + [np.inf]), "1 rows of the group have no prediction that is a number"),
        (NUMBERS, predicted(), "The column 'prediction' holds string; it holds numbers"),
        (CHANCES, {"id": ROWS.ids[:10], "yes": [0.5] * 10, "no": [0.4] * 10}, "those of 10 rows of the group do not"),
        (CHANCES, {"id": ROWS.ids[:10], "yes": [1.5] * 10, "no": [-0.5] * 10}, "probabilities lie between 0 and 1"),
        (CHANCES, predicted(), "predictions have the columns 'id', 'no', 'yes'"),
    ],
)  # fmt: skip
def test_numbers_that_are_wrong_are_refused_by_name(
    sandbox: Sandbox, tmp_path: Path, bounty: Bounty, columns: Any, told: str
) -> None:
    found = claim(sandbox, kept(tmp_path, columns), bounty)
    assert isinstance(found, Refusal)
    assert told in found.told


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "The file is empty"),
        (b"PK\x03\x04" + bytes(100), "The file is a zip archive"),
        (b"\x1f\x8b" + bytes(100), "The file is gzip"),
        (b"\x80\x04\x95", "The file is a pickle"),
        (b"PAR1" + bytes(100), "The file cannot be read"),
        (b"PAR1" + bytes(100) + b"\xff\xff\xff\x7fPAR1", "The file cannot be read"),
        (b"id,prediction\nr1\n", "The file cannot be read"),
        (b"id,prediction,id\nr1,yes,r1\n", "each once, and no others"),
        (b"id,prediction\n", "10 ids of the group have no prediction"),
        (b"\xff\xfe\x00\x00,\n\x00,\x00", "The file cannot be read"),
    ],
)
def test_files_that_are_no_tables_are_refused(sandbox: Sandbox, tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "sent"
    file.write_bytes(content)
    found = claim(sandbox, file)
    assert isinstance(found, Refusal)
    assert told in found.told


def test_a_group_that_is_wrong_is_refused_before_any_file(sandbox: Sandbox, tmp_path: Path) -> None:
    file = kept(tmp_path, predicted())
    assert claim(sandbox, file, group=b'"repaid=yes"').told.startswith("No group may use the column 'repaid'.")
    assert claim(sandbox, file, group=b'"age<3"').told == "The group has none of the hidden rows; take a larger group."


def test_a_file_over_the_limit_is_never_opened(sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "sent"
    with file.open("wb") as out:
        out.truncate(10 * 2**30)  # a hole: it is large, and takes no room
    assert claim(sandbox, file) == Refusal("The file is larger than 1,048,576 bytes, the most that this bounty takes.")


def test_a_table_that_unpacks_to_gigabytes_is_refused_by_its_rows(sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "bomb.parquet"
    height = 20_000_000
    zeros = pyarrow.DictionaryArray.from_arrays(pyarrow.array(np.zeros(height, np.int8)), pyarrow.array(["r0"]))
    parquet.write_table(pyarrow.table({"id": zeros, "prediction": zeros}), file)
    assert file.stat().st_size < 2**20
    assert "holds 20,000,000 rows or more" in claim(sandbox, file).told


def test_a_table_of_one_long_text_again_and_again_fails_within_its_memory(sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "bomb.parquet"
    codes = pyarrow.array(np.zeros(HEIGHT, np.int8))
    long = pyarrow.DictionaryArray.from_arrays(codes, pyarrow.array(["x" * 50_000_000]))
    parquet.write_table(pyarrow.table({"id": ROWS.ids, "prediction": long}), file, store_schema=False)
    roomy = BOUNTY.model_copy(update={"limits": Limits(bytes=2**30, memory=2**28)})
    found = claim(sandbox, file, roomy)
    assert isinstance(found, (Failure, Refusal))
    assert "memory" in found.told
    assert isinstance(claim(sandbox, kept(tmp_path, predicted())), Claim)


def test_what_a_bounty_does_not_take_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "sent.py"
    file.write_text("def predict(rows): return rows['age']")
    found = claimed(BOUNTY, ROWS, "code", YOUNG, file, sandbox)
    assert found == Refusal("This bounty takes no code; it takes predictions, model.")


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "model", "model.onnx.exe", "../../model.pkl"])
def test_only_models_that_run_no_code_are_asked(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    file = tmp_path / "sent"
    file.write_bytes(b"x")
    found = claimed(BOUNTY, ROWS, "model", YOUNG, file, sandbox, name=name)
    assert isinstance(found, Refusal)
    assert "is no model that is asked; send one of .onnx, .skops, .ubj, .json, .txt." in found.told


@pytest.mark.parametrize("ending", [".onnx", ".skops", ".ubj", ".json", ".txt"])
def test_a_pickle_under_another_name_is_refused(sandbox: Sandbox, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"sent{ending}"
    file.write_bytes(b"\x80\x04\x95")
    found = claimed(BOUNTY, ROWS, "model", YOUNG, file, sandbox)
    assert isinstance(found, Refusal)
    assert "The file is a pickle" in found.told


@pytest.mark.parametrize("ending", [".onnx", ".skops", ".ubj", ".json", ".txt"])
def test_broken_models_fail_in_one_line(sandbox: Sandbox, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"sent{ending}"
    file.write_bytes({".txt": b"tree\nversion=v4\n", ".skops": b"PK\x03\x04"}.get(ending, b'{"learner": 3'))
    found = claimed(BOUNTY, ROWS, "model", YOUNG, file, sandbox)
    assert isinstance(found, Failure)
    assert found.told and "\n" not in found.told


def test_a_booster_answers_for_the_group(sandbox: Sandbox, tmp_path: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    import pandas

    frame = pandas.DataFrame({"age": AGE, "income": AGE * 100.0})
    target = (AGE >= 25).astype(int)
    options = {"objective": "binary", "min_data_in_leaf": 1, "min_data_in_bin": 1, "verbose": -1, "num_threads": 1}
    file = tmp_path / "model.txt"
    lightgbm.train(options, lightgbm.Dataset(frame, target), 20).save_model(file)
    found = claimed(BOUNTY, ROWS, "model", YOUNG, file, sandbox)
    assert isinstance(found, Claim)
    assert found.answers[INSIDE].tolist() == target[INSIDE].tolist()
    numbered = CHANCES.model_copy(update={"classes": (0, 1)})
    shares = claimed(numbered, ROWS, "model", YOUNG, file, sandbox)
    assert isinstance(shares, Claim)
    assert np.allclose(shares.answers[INSIDE].sum(axis=1), 1)


def test_an_onnx_model_answers_for_the_group(sandbox: Sandbox, tmp_path: Path) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn.tree import DecisionTreeClassifier

    target = np.where(AGE >= 25, "yes", "no")
    tree = DecisionTreeClassifier().fit(np.column_stack([AGE]).astype(np.float32), target)
    model = skl2onnx.convert_sklearn(
        tree, initial_types=[("age", skl2onnx.common.data_types.FloatTensorType([None, 1]))], options={"zipmap": False}
    )
    file = tmp_path / "model.onnx"
    file.write_bytes(model.SerializeToString())
    found = claimed(BOUNTY, ROWS, "model", YOUNG, file, sandbox)
    assert isinstance(found, Claim)
    assert found.answers[INSIDE].tolist() == (AGE >= 25)[INSIDE].astype(int).tolist()


def test_a_model_of_features_that_are_not_there_fails_with_their_name(sandbox: Sandbox, tmp_path: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    import pandas

    frame = pandas.DataFrame({"repaid": AGE})
    file = tmp_path / "model.txt"
    options = {"objective": "binary", "verbose": -1, "min_data_in_leaf": 1, "num_threads": 1}
    lightgbm.train(options, lightgbm.Dataset(frame, AGE % 2), 2).save_model(file)
    found = claimed(BOUNTY, ROWS, "model", YOUNG, file, sandbox)
    assert isinstance(found, Failure)
    assert "needs the column 'repaid'" in found.told


@pytest.mark.parametrize(
    ("classes", "values", "places"),
    [
        (("no", "yes"), ["yes", "no", "Yes", None], [1, 0, -1, -1]),
        ((0, 1), ["1", 1.0, True, "1.0", 2], [1, 1, -1, 1, -1]),
        ((False, True), ["true", "False", True, 1], [1, 0, 1, -1]),
        (("1", "2"), [1, "2", 2.0], [0, 1, 1]),
    ],
)
def test_labels_are_found_whatever_the_file_made_of_them(classes: Any, values: Any, places: list[int]) -> None:
    assert places_of(values, classes) == places
