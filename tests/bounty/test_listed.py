"""Listed: a saved list answers as the sample's versions do; hostile and broken folders get one line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import evenhand as eh
from evenhand.bounty.proving.versions import Versions
from evenhand.core.errors import EvenhandError, SpecError
from evenhand.core.group import Group
from evenhand.models.answering import AnsweringName
from evenhand.models.decision_list import DecisionList, ToLeaf, ToVersion
from evenhand.models.files import from_folder
from evenhand.models.leaf_tables import answers_table
from evenhand.models.listed import Leaf, Listed, read_listed, save_listed
from evenhand.models.membership import Members
from tests.bounty.certified import Sample, gain, guesses, sample, violations

ROWS = 400
GROUPS = ("age<30", "sex=f", "sex=f & 20<=age<40", "~sex=m", "income is missing | income>50", "city=a,b", "age>=0")


def people(seed: int = 0, rows: int = ROWS) -> pd.DataFrame:
    numbers = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "person": [f"p{place}" for place in range(rows)],
            "age": numbers.integers(0, 80, rows),
            "sex": numbers.choice(np.array(["f", "m", None], dtype=object), rows),
            "income": np.where(numbers.random(rows) < 0.1, np.nan, numbers.normal(50, 20, rows)),
            "city": numbers.choice(["a", "b", "c"], rows),
        }
    )


def contest(found: Sample, rows: pd.DataFrame) -> tuple[Versions, list[str], list[bytes]]:
    """Versions after ever better submissions for groups of the data, the texts of the groups, tables of answers."""
    versions, texts, tables = Versions(found.loss, found.labels, found.base), [], []
    ids = rows["person"].to_numpy()
    numbers = np.random.default_rng(7)
    for place in range(25):
        answers = guesses(found.loss, found.labels, found.classes, numbers, right=0.3 + place / 50)
        text = GROUPS[place % len(GROUPS)]
        mask = Members(rows).mask(Group.parse(text))
        if gain(versions, mask, answers) > 0:
            versions.update(mask, answers)
            versions.repair()
            texts.append(text)
            tables.append(answers_table(ids[mask].tolist(), answers[mask]))
    assert violations(versions) == 0
    return versions, texts, tables


def listed_of(
    versions: Versions, texts: list[str], base: Leaf, answering: AnsweringName, classes: tuple[Any, ...]
) -> Listed:
    leaves = [Leaf(table=f"{place}.parquet", number=place, team="A") for place in range(1, len(texts) + 1)]
    return Listed(
        name="loans", list=versions.list, groups=tuple(texts), leaves=(base, *leaves), answering=answering,
        classes=classes, identity="person",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("loss", "answering", "classes"),
    [
        ("zero-one", "labels", ("no", "yes")), ("accuracy", "labels", (0, 1, 2)),
        ("log", "probabilities", ("no", "yes")), ("top:2", "probabilities", ("a", "b", "c")),
        ("squared:4", "numbers", ()), ("absolute:4", "numbers", ()),
    ],
)  # fmt: skip
def test_a_saved_list_answers_the_sample_exactly(
    tmp_path: Path, loss: str, answering: AnsweringName, classes: tuple[Any, ...]
) -> None:
    found, rows = sample(loss, rows=ROWS, classes=max(len(classes), 2), seed=1), people()
    versions, texts, tables = contest(found, rows)
    assert versions.list.version > len(texts) > 3  # there are pointers
    recorded = np.array(classes, object)[found.base] if answering == "labels" else found.base
    parts = [recorded] if recorded.ndim == 1 else list(recorded.T)
    given = rows.assign(**{f"base{place}": part for place, part in enumerate(parts)})
    base = Leaf(columns=tuple(f"base{place}" for place in range(len(parts))))
    files = {f"{place}.parquet": table for place, table in enumerate(tables, 1)}
    save_listed(tmp_path / "model", listed_of(versions, texts, base, answering, classes), files)
    for version in (None, 0, 3, versions.list.version):
        model = from_folder(tmp_path / "model", version=version)
        stored = versions.answers[-1 if version is None else version]
        _same(model, given, stored, answering, classes)
    shuffled = given.sample(frac=1, random_state=3)
    _same(eh.load_model(tmp_path / "model"), shuffled, versions.newest[shuffled.index], answering, classes)
    for library in (pl.from_pandas, pa.Table.from_pandas):
        _same(eh.load_model(str(tmp_path / "model")), library(given), versions.newest, answering, classes)


def _same(model: Any, rows: Any, stored: Any, answering: str, classes: tuple[Any, ...]) -> None:
    told, numbers = model.predict(rows), model.values(rows)
    if answering == "numbers":
        assert (told["label"] == stored).all()
        assert (numbers[:, 0] == stored).all()
    elif answering == "labels":
        assert (told["label"] == np.array(classes, object)[stored]).all()
        assert (numbers.argmax(axis=1) == stored).all() if len(classes) > 2 else (numbers[:, 0] == stored).all()
    elif len(classes) == 2:
        assert (told["score"] == stored[:, 1]).all()
        assert (numbers[:, 0] == stored[:, 1]).all()
    else:
        assert (numbers == stored).all()
        assert (told["label"] == np.array(classes, object)[stored.argmax(axis=1)]).all()


def booster(path: Path, rows: pd.DataFrame, seed: int) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    target = np.random.default_rng(seed).random(len(rows)) < 0.3 + 0.4 * (rows["age"] > 40)
    settings = {"objective": "binary", "verbose": -1, "num_threads": 1, "seed": seed}
    data = lightgbm.Dataset(rows[["age", "income"]], target.astype(int))
    lightgbm.train(settings, data, 5).save_model(path)


def test_leaves_that_are_models(tmp_path: Path) -> None:
    rows = people()
    for place in range(3):
        booster(tmp_path / f"{place}.txt", rows, place)
    found = DecisionList(
        nodes=(ToLeaf(group=0, leaf=1), ToLeaf(group=1, leaf=2), ToVersion(group=0, version=1)),
    )
    listed = Listed(
        name="loans", list=found, groups=("age<30", "sex=f"), classes=(0, 1), answering="probabilities",
        leaves=tuple(Leaf(file=f"{place}.txt") for place in range(3)), features=("age", "income"),
    )  # fmt: skip
    save_listed(tmp_path / "model", listed, {f"{place}.txt": tmp_path / f"{place}.txt" for place in range(3)})
    model, alone = eh.load_model(tmp_path / "model"), [eh.load_model(tmp_path / f"{place}.txt") for place in range(3)]
    scores = [each.predict(rows[["age", "income"]])["score"] for each in alone]
    expected = np.where(rows["age"] < 30, scores[1], np.where(rows["sex"] == "f", scores[2], scores[0]))
    assert model.predict(rows)["score"] == pytest.approx(expected, abs=1e-15)
    assert model.name == "loans (version 3)"
    assert model.features == ("age", "income", "sex")
    assert model.outputs(1) == ("probability of 1",)
    assert model.predict(rows[:1])["score"] == pytest.approx(expected[:1])
    assert len(model.predict(rows[:0])["score"]) == len(model.values(rows[:0])) == 0


def test_a_list_may_begin_with_a_list(tmp_path: Path) -> None:
    inner = Listed(name="inner", leaves=(Leaf(columns=("guess",)),), classes=("no", "yes"), features=("guess",))
    save_listed(tmp_path / "inner", inner, {})
    outer = Listed(name="outer", leaves=(Leaf(file="base"),), classes=("no", "yes"), features=("guess",))
    save_listed(tmp_path / "outer", outer, {"base": tmp_path / "inner"})
    rows = pd.DataFrame({"guess": ["yes", "no"]})
    assert eh.load_model(tmp_path / "outer").predict(rows)["label"].tolist() == ["yes", "no"]


def test_rows_that_a_leaf_does_not_know_are_answered_without_it(tmp_path: Path) -> None:
    """Whoever is not in the hold-out gets what the list answered without the node, pointers included."""
    rows = pd.DataFrame({"person": [1, 2, 3, 4], "x": [0, 1, 0, 1], "base": ["n"] * 4})
    nodes = (ToLeaf(group=0, leaf=1), ToLeaf(group=1, leaf=2), ToVersion(group=0, version=1))
    listed = Listed(
        name="l", list=DecisionList(nodes=nodes), groups=("x=1", "x>=0"), classes=("n", "one", "two"),
        identity="person", leaves=(Leaf(columns=("base",)), Leaf(table="one"), Leaf(table="two")),
    )  # fmt: skip
    files = {"one": answers_table(["2"], np.array([1])), "two": answers_table(["1", "4"], np.array([2, 2]))}
    save_listed(tmp_path / "m", listed, files)
    model = eh.load_model(tmp_path / "m")
    # 4 is in the group of the pointer to version 1, whose leaf does not know it.
    assert model.predict(rows)["label"].tolist() == ["two", "one", "n", "n"]
    assert model.predict(rows.assign(person=[1.0, 2.0, 3.0, 4.0]))["label"].tolist() == ["two", "one", "n", "n"]
    assert model.predict(rows.assign(person=np.array(["1", None, "3", "x"], dtype=object)))["label"].tolist() == [
        "two",
        "n",
        "n",
        "n",
    ]
    assert from_folder(tmp_path / "m", version=2).predict(rows)["label"].tolist() == ["two", "one", "n", "two"]


def test_an_older_version_leaves_out_what_came_later(tmp_path: Path) -> None:
    versions, texts, tables = contest(sample("zero-one", rows=ROWS, classes=2, seed=1), people())
    listed = listed_of(versions, texts, Leaf(columns=("base",)), "labels", ("no", "yes"))
    older = listed.at(2)
    assert (older.list.version, len(older.groups), len(older.leaves)) == (2, 2, 3)
    assert listed.at(0).needed == ("base",)
    save_listed(tmp_path / "older", older, {name: tables[place] for place, name in enumerate(older.files)})
    assert read_listed(tmp_path / "older") == older
    with pytest.raises(SpecError, match="There is no version 7; the versions are 0 to 2"):
        from_folder(tmp_path / "older", version=7)


GOOD: dict[str, Any] = {
    "kind": "decision list", "name": "loans", "classes": ["no", "yes"], "identity": "person",
    "leaves": [{"columns": ["guess"]}, {"table": "one.parquet"}], "groups": ["age>30"],
    "list": {"nodes": [{"to": "leaf", "group": 0, "leaf": 1}]},
}  # fmt: skip


def kept(folder: Path, change: dict[str, Any], table: bytes | None = None) -> Path:
    (folder / "model.json").write_text(json.dumps(GOOD | change))
    (folder / "one.parquet").write_bytes(answers_table(["1"], np.array([1])) if table is None else table)
    return folder


def nodes(*each: dict[str, Any]) -> dict[str, Any]:
    return {"list": {"nodes": list(each)}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"leaves": [{"file": "../secret.txt"}]}, "'../secret.txt' is no name of a file that lies beside model.json"),
        *(
            ({"leaves": [{"file": name}]}, "is no name of a file")
            for name in ("..", ".", "a/b", "a\x00b", "", "model.json", "~", "x" * 200)
        ),
        ({"leaves": [{}]}, "a leaf is a file, columns or a table, and one of them only"),
        ({"leaves": [{"file": "a", "columns": ["b"]}]}, "a leaf is a file, columns or a table, and one of them only"),
        ({"leaves": []}, "leaves: Tuple should have at least 1 item"),
        ({"leaves": [{"columns": ["a", "b"]}, {"columns": ["a"]}]}, "recorded answers are 1 of columns here"),
        ({"leaves": [{"columns": ["a"]}]}, "node 0 names a group or a leaf that is not there"),
        ({"identity": None}, "tables of answers need the column of identity"),
        ({"classes": ["yes"]}, "a list that answers labels needs at least two classes"),
        ({"groups": []}, "node 0 names a group or a leaf that is not there"),
        ({"groups": ["age>"]}, "The group 'age>' cannot be read"),
        ({"groups": ["(" * 60000]}, "a group is nested too deeply"),
        ({"groups": ["~" * 60000 + "a=1"]}, "a group is nested too deeply"),
        ({"groups": ["a=" + "1," * 60000 + "1"]}, "a group is longer than 65,536 characters"),
        (nodes({"to": "version", "group": 0, "version": 1}), "Node 0 points to version 1, which is not before it"),
        (nodes({"to": "leaf", "group": -1, "leaf": 1}), "Input should be greater than or equal to 0"),
        (nodes({"to": "code", "group": 0}), "is no decision list: list.nodes.0"),
        ({"kind": "pickle"}, "is of the kind 'pickle'; it is 'mended' or 'decision list'"),
    ],
)
def test_broken_and_hostile_folders_get_one_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(eh.ModelError) as error:
        eh.load_model(kept(tmp_path, change))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (b"PAR1 and no more", "'one.parquet' is no table of answers"),
        (answers_table(["1", "1"], np.array([0, 1])), "an id is in it twice"),
        (answers_table(["1"], np.array([2])), "places of classes are 0 to 1"),
        (answers_table(["1"], np.array([-1])), "places of classes are 0 to 1"),
        (answers_table(["1"], np.array([0.5])), "places of classes are 0 to 1"),
        (answers_table(["1"], np.array([np.nan])), "it holds NaN or infinity"),
        (answers_table(["1"], np.array([[0.5, 0.5]])), "'one.parquet' is no table of answers"),
    ],
)
def test_broken_and_hostile_tables_get_one_line(tmp_path: Path, table: bytes, message: str) -> None:
    with pytest.raises(eh.ModelError) as error:
        eh.load_model(kept(tmp_path, {}, table))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_links_and_pickles_are_not_followed(tmp_path: Path) -> None:
    folder = kept(tmp_path, {"leaves": [{"file": "self"}], "list": {"nodes": []}})
    (folder / "self").symlink_to(folder)
    with pytest.raises(eh.ModelError, match="'self' is a link"):
        eh.load_model(folder)
    (folder / "base.pkl").write_bytes(b"\x80\x04N.")
    with pytest.raises(eh.UntrustedModel):
        eh.load_model(kept(folder, {"leaves": [{"file": "base.pkl"}], "list": {"nodes": []}}), trust_pickle=True)


def test_rows_that_cannot_be_answered_get_one_line(tmp_path: Path) -> None:
    rows = pd.DataFrame({"person": [1], "guess": ["no"], "age": [31]})
    model = eh.load_model(kept(tmp_path, {}))
    assert model.predict(rows)["label"].tolist() == ["yes"]
    with pytest.raises(eh.ModelError, match="The decision list needs the column 'age', which the rows lack"):
        model.predict(rows.drop(columns="age"))
    with pytest.raises(eh.ModelError, match="needs named columns"):
        model.predict(rows.to_numpy())
    with pytest.raises(eh.ModelError, match="in the column guess answered 'maybe', which is no class; classes: 'no'"):
        model.predict(rows.assign(guess="maybe", age=1))
    with pytest.raises(EvenhandError, match="Column 'age' holds no numbers"):
        model.predict(rows.assign(age="old"))
    begins = eh.load_model(kept(tmp_path, {"leaves": [{"table": "one.parquet"}], "list": {"nodes": []}}))
    with pytest.raises(eh.ModelError, match="began with recorded answers, and none is for the id '2'"):
        begins.predict(rows.assign(person=2))


def test_saving_is_whole_or_not_at_all(tmp_path: Path) -> None:
    listed = Listed.model_validate(GOOD)
    with pytest.raises(EvenhandError, match=r"needs the file 'one\.parquet', which was not given; give all its files"):
        save_listed(tmp_path / "m", listed, {})
    with pytest.raises(EvenhandError, match="Cannot write"):
        save_listed(tmp_path / "m", listed, {"one.parquet": tmp_path / "missing"})
    assert list(tmp_path.iterdir()) == []
    save_listed(tmp_path / "m", listed, {"one.parquet": answers_table(["1"], np.array([1]))})
    assert read_listed(tmp_path / "m") == listed
    with pytest.raises(EvenhandError, match="is there already; remove it, or choose another folder"):
        save_listed(tmp_path / "m", listed, {"one.parquet": b""})
