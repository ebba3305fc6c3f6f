"""Models sent: a real file of each kind answers for the group in the child process, whatever its classes are called."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evenhand.bounty.submissions.answering import answering_of
from evenhand.bounty.submissions.claims import Claim, Failure, Refusal, claimed
from evenhand.bounty.submissions.sandbox import Sandbox
from evenhand.core.bounty import Limits
from evenhand.core.loss import Loss
from evenhand.models import load_model
from evenhand.models.answering import answers_of
from evenhand.models.decision_list import DecisionList, ToLeaf
from evenhand.models.files import from_leaf
from evenhand.models.listed import Leaf, Listed, save_listed
from tests.bounty.test_claims import AGE, BOUNTY, INSIDE, ROWS, YOUNG

pandas = pytest.importorskip("pandas")

FRAME = pandas.DataFrame({"age": AGE.astype(float), "income": AGE * 100.0})
# Three ranges of age inside the group and beyond it, whose names do not sort as their numbers do.
PLACES = np.where(AGE < 23, 0, np.where(AGE < 26, 1, 2))
THREE = ("high", "low", "mid")
BINARY = BOUNTY.model_copy(update={"limits": Limits(seconds=60)})
MANY = BINARY.model_copy(update={"classes": THREE})
CHANCES = MANY.model_copy(update={"loss": Loss(name="log")})
TWO_CHANCES = BINARY.model_copy(update={"loss": Loss(name="log")})
NUMBERS = BINARY.model_copy(update={"classes": (), "loss": Loss.parse("squared:100")})
CASES = {"two": BINARY, "three": MANY, "two chances": TWO_CHANCES, "three chances": CHANCES, "numbers": NUMBERS}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as made:
        yield made


def target(case: str) -> Any:
    """Places, as boosters learn them."""
    return AGE.astype(float) if case == "numbers" else PLACES if case.startswith("three") else (PLACES > 0).astype(int)


def named(case: str) -> Any:
    """The labels themselves, as estimators learn them."""
    return target(case) if case == "numbers" else np.array(CASES[case].classes, object)[target(case)]


def xgboosted(case: str, folder: Path, ending: str) -> Path:
    xgboost = pytest.importorskip("xgboost")
    objective = "reg:squarederror" if case == "numbers" else "multi:softprob" if "three" in case else "binary:logistic"
    options = {"objective": objective, "nthread": 1, "min_child_weight": 0, "eta": 0.5}
    options |= {"num_class": 3} if "three" in case else {}
    model = xgboost.train(options, xgboost.DMatrix(FRAME, target(case)), 30)
    model.save_model(folder / f"model{ending}")
    return folder / f"model{ending}"


def lightgbm_text(case: str, folder: Path) -> Path:
    lightgbm = pytest.importorskip("lightgbm")
    objective = "regression" if case == "numbers" else "multiclass" if "three" in case else "binary"
    options = {"objective": objective, "min_data_in_leaf": 1, "min_data_in_bin": 1, "verbose": -1, "num_threads": 1}
    options |= {"num_class": 3} if "three" in case else {}
    lightgbm.train(options, lightgbm.Dataset(FRAME, target(case)), 60).save_model(folder / "model.txt")
    return folder / "model.txt"


def estimator(case: str, kind: str) -> Any:
    from sklearn import ensemble, linear_model, pipeline, preprocessing, tree

    what = "Regressor" if case == "numbers" else "Classifier"
    if kind == "line":
        line = linear_model.LinearRegression() if case == "numbers" else linear_model.LogisticRegression(C=1e6)
        return pipeline.make_pipeline(preprocessing.StandardScaler(), line)
    made = {
        "tree": getattr(tree, f"DecisionTree{what}")(random_state=0),
        "forest": getattr(ensemble, f"RandomForest{what}")(n_estimators=9, random_state=0),
        "boosted": getattr(ensemble, f"HistGradientBoosting{what}")(min_samples_leaf=1),
    }
    return made[kind]


def skopsed(case: str, folder: Path, kind: str) -> Path:
    skops = pytest.importorskip("skops.io")
    skops.dump(estimator(case, kind).fit(FRAME, named(case)), folder / "model.skops")
    return folder / "model.skops"


def onnx(case: str, folder: Path) -> Path:
    skl2onnx = pytest.importorskip("skl2onnx")
    model = estimator(case, "tree").fit(FRAME.to_numpy(), named(case))
    options = {} if case == "numbers" else {"options": {"zipmap": False}}
    kind = skl2onnx.common.data_types.FloatTensorType([None, 2])
    made = skl2onnx.convert_sklearn(model, initial_types=[("rows", kind)], **options)
    note = made.metadata_props.add()
    note.key, note.value = "features", '["age", "income"]'
    (folder / "model.onnx").write_bytes(made.SerializeToString())
    return folder / "model.onnx"


FILES: dict[str, Callable[[str, Path], Path]] = {
    ".ubj": lambda case, folder: xgboosted(case, folder, ".ubj"),
    ".json": lambda case, folder: xgboosted(case, folder, ".json"),
    ".txt": lightgbm_text,
    ".onnx": onnx,
    "tree.skops": lambda case, folder: skopsed(case, folder, "tree"),
    "forest.skops": lambda case, folder: skopsed(case, folder, "forest"),
    "boosted.skops": lambda case, folder: skopsed(case, folder, "boosted"),
    "line.skops": lambda case, folder: skopsed(case, folder, "line"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", FILES)
def test_a_file_of_each_kind_answers_for_the_group(sandbox: Sandbox, tmp_path: Path, kind: str, case: str) -> None:
    bounty, file = CASES[case], FILES[kind](case, tmp_path)
    found = claimed(bounty, ROWS, "model", YOUNG, file, sandbox)
    assert isinstance(found, Claim), found
    given, truth = found.answers[INSIDE], target(case)[INSIDE]
    if bounty.loss.of_numbers:
        assert np.abs(given - truth).max() < 2
    elif bounty.loss.of_labels:
        assert (given == truth).mean() >= 0.8
    else:
        assert given.shape == (10, len(bounty.classes))
        assert (given.argmax(axis=1) == truth).mean() >= 0.8
    # What a decision list with this leaf answers is what was proven, to the last bit.
    rows = pandas.DataFrame({name: values[INSIDE] for name, values in ROWS.columns.items()})
    assert np.array_equal(
        answers_of(from_leaf(file, bounty.classes), rows, answering_of(bounty.loss), bounty.classes), given
    )


def test_numbered_classes_are_known_by_their_numbers(sandbox: Sandbox, tmp_path: Path) -> None:
    """Class 1 of a booster is the label 1, even where the bounty names it first."""
    turned = BINARY.model_copy(update={"classes": (1, 0)})
    for bounty, truth in ((turned, 1 - target("two")), (BINARY.model_copy(update={"classes": (0, 1)}), target("two"))):
        found = claimed(bounty.model_copy(update={"loss": Loss(name="log")}), ROWS, "model", YOUNG,
                        xgboosted("two", tmp_path, ".ubj"), sandbox)  # fmt: skip
        assert isinstance(found, Claim)
        assert (found.answers[INSIDE].argmax(axis=1) == truth[INSIDE]).mean() >= 0.8


@pytest.mark.parametrize(
    ("kind", "of", "against", "told"),
    [
        (".ubj", "three", "two", "The model sent.ubj knows 3 classes, and classes names 2."),
        (".txt", "two", "three", "The model sent.txt knows 2 classes, and classes names 3."),
        (".ubj", "numbers", "two", "which is no class; classes: 'no', 'yes'."),
        ("tree.skops", "three", "two", "which is no class; classes: 'no', 'yes'."),
        ("tree.skops", "numbers", "three chances", "The model sent.skops gives 1 numbers a row for 3 classes."),
        (".onnx", "three", "two chances", "The model sent.onnx gives 3 numbers a row for 2 classes."),
    ],
)
def test_a_model_of_other_answers_fails_by_name(
    sandbox: Sandbox, tmp_path: Path, kind: str, of: str, against: str, told: str
) -> None:
    found = claimed(CASES[against], ROWS, "model", YOUNG, FILES[kind](of, tmp_path), sandbox)
    assert isinstance(found, (Failure, Refusal))
    assert told in found.told


def test_a_forged_tree_fails_and_takes_nothing_along(sandbox: Sandbox, tmp_path: Path) -> None:
    skops = pytest.importorskip("skops.io")
    from tests.models.test_skops_trees import forged

    model = forged(estimator("two", "tree").fit(FRAME, named("two")), left_child=10**9)
    skops.dump(model, tmp_path / "model.skops")
    found = claimed(BINARY, ROWS, "model", YOUNG, tmp_path / "model.skops", sandbox)
    assert found == Failure("sent.skops is not loaded: a tree points to nodes or features that are not there.")


def test_a_forest_that_is_too_large_fails_within_its_limits(sandbox: Sandbox, tmp_path: Path) -> None:
    """A small archive may unpack to much; memory ends it, and the next file is handled as ever."""
    import zipfile

    with zipfile.ZipFile(tmp_path / "model.skops", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", b"[" + b" " * (700 * 2**20))
    limited = BINARY.model_copy(update={"limits": BINARY.limits.model_copy(update={"memory": 2**29})})
    found = claimed(limited, ROWS, "model", YOUNG, tmp_path / "model.skops", sandbox)
    assert isinstance(found, Failure)
    assert isinstance(claimed(BINARY, ROWS, "model", YOUNG, skopsed("two", tmp_path, "tree"), sandbox), Claim)


@pytest.mark.parametrize("kind", [".ubj", ".txt", "forest.skops", "boosted.skops"])
def test_a_list_with_such_a_leaf_answers_as_its_leaf(tmp_path: Path, kind: str) -> None:
    (tmp_path / "sent").mkdir()
    file = FILES[kind]("three", tmp_path / "sent")
    leaf = f"leaf{file.suffix}"
    listed = Listed(
        name="list", list=DecisionList(nodes=(ToLeaf(group=0, leaf=1),)), groups=("age<30",),
        leaves=(Leaf(columns=("said",)), Leaf(file=leaf)), classes=THREE, features=("age", "income"),
    )  # fmt: skip
    save_listed(tmp_path / "list", listed, {leaf: file})
    rows = FRAME.assign(said="mid")
    answers = load_model(tmp_path / "list").predict(rows)["label"]
    expected = answers_of(from_leaf(file, THREE), FRAME[INSIDE], "labels", THREE)
    assert answers[INSIDE].tolist() == np.array(THREE)[expected].tolist()
    assert set(answers[~INSIDE]) == {"mid"}


@pytest.mark.parametrize(("field", "value"), [("left_children", 10**8), ("split_indices", 10**6), ("left_children", 0)])
def test_a_booster_whose_nodes_point_elsewhere_ends_by_itself_or_by_its_limits(
    sandbox: Sandbox, tmp_path: Path, field: str, value: int
) -> None:
    """XGBoost follows what it reads; the process that asks may die or run out of time, and nothing else does."""
    model = json.loads(xgboosted("two", tmp_path, ".json").read_text())
    for tree in model["learner"]["gradient_booster"]["model"]["trees"]:
        tree[field][0] = value
    (tmp_path / "forged.json").write_text(json.dumps(model))
    hasty = BINARY.model_copy(update={"limits": Limits(seconds=10)})
    found = claimed(hasty, ROWS, "model", YOUNG, tmp_path / "forged.json", sandbox)
    assert isinstance(found, (Claim, Failure))
    assert isinstance(claimed(BINARY, ROWS, "model", YOUNG, skopsed("two", tmp_path, "tree"), sandbox), Claim)
