"""Opening: what hunters get says nothing of labels, and a folder is there whole or not at all."""

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

from evenhand.bounty.proving.holdout import HIDDEN, PUBLIC, SECRET, opened, parts_of
from evenhand.bounty.proving.opening import Opening, opened_in
from evenhand.core.errors import DataError, EvenhandError, SpecError
from evenhand.core.loss import Loss
from tests.bounty.hunted import planted, planted_table


def table(rows: int = 1000) -> dict[str, Any]:
    return dict(planted_table(Loss(), rows=rows))


def opening(**changes: Any) -> Opening:
    return replace(planted(rows=1000), **changes)


def test_what_is_handed_out_has_ids_and_features_and_no_label(tmp_path: Path) -> None:
    found = opened_in(tmp_path / "b", opening(public=table(50) | {"id": [f"q{each}" for each in range(50)]}))
    assert parquet.read_schema(tmp_path / "b" / HIDDEN).names == ["id", "age", "truth", "noise", "region"]
    assert parquet.read_schema(tmp_path / "b" / PUBLIC).names == ["age", "truth", "noise", "region", "label"]
    assert sum(found.rows) == 1000 and found.bounty.classes == ("c0", "c1")
    assert stat.S_IMODE((tmp_path / "b" / SECRET).stat().st_mode) == 0o600


@pytest.mark.parametrize("identity", ["id", None])
def test_the_order_of_a_table_that_is_sorted_by_its_label_is_not_handed_out(
    tmp_path: Path, identity: str | None
) -> None:
    held = table()
    order = np.argsort(held["label"], kind="stable")
    ordered = {name: np.asarray(values)[order] for name, values in held.items()}
    opened_in(tmp_path / "b", opening(data=ordered, identity=identity))
    _, holdout = opened(tmp_path / "b")
    first, second = np.array_split(holdout.labels, 2)
    assert abs(first.mean() - second.mean()) < 0.2  # 1 where they come in the table's order
    places = np.array([int(text.lstrip("pr")) for text in holdout.ids])
    by_number = holdout.labels[np.argsort(places)] if identity is None else holdout.labels
    first, second = np.array_split(by_number, 2)
    assert abs(first.mean() - second.mean()) < 0.2


def test_labels_and_base_answers_belong_to_their_ids(tmp_path: Path) -> None:
    held = table()
    opened_in(tmp_path / "b", opening(data=held))
    bounty, holdout = opened(tmp_path / "b")
    places = [held["id"].index(each) for each in holdout.ids.tolist()]
    assert [bounty.classes[each] for each in holdout.labels] == np.asarray(held["label"])[places].tolist()
    assert [bounty.classes[each] for each in holdout.base] == np.asarray(held["said"])[places].tolist()
    assert holdout.columns["age"].tolist() == np.asarray(held["age"])[places].tolist()


def test_the_part_of_a_row_depends_on_its_id_and_the_seed_alone(tmp_path: Path) -> None:
    bounty = opened_in(tmp_path / "b", opening()).bounty
    ids = np.array([f"p{each}" for each in range(400)])
    part, fold = parts_of(ids, bounty)
    turned = parts_of(ids[::-1], bounty)
    assert (turned[0][::-1] == part).all() and (turned[1][::-1] == fold).all()
    assert (parts_of(ids, bounty.model_copy(update={"seed": bounty.seed + 1}))[0] != part).any()
    assert [float((part == each).mean()) for each in range(3)] == pytest.approx([0.5, 0.25, 0.25], abs=0.1)


def test_rows_without_a_label_are_left_out_and_counted(tmp_path: Path) -> None:
    held = table()
    held["label"] = held["label"].astype(object)
    held["label"][:7] = None
    found = opened_in(tmp_path / "b", opening(data=held))
    assert sum(found.rows) == 993
    assert "7 rows without a label were left out." in found.notes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": "lable"}, "'lable'"),
        ({"features": ("age", "label")}, "The column 'label' cannot be a feature: it is the label, the id or recorded"),
        ({"predicted": ()}, "A bounty is about one model: give its file"),
        (
            {"identity": "region", "features": ("age",)},
            "The column 'region' has the same id more than once; an id names one row",
        ),
        ({"rules": {"budget": 0}}, "budget: Input should be greater than or equal to 1"),
        (
            {"rules": {"loss": Loss.parse("squared:1")}},
            "The loss squared:1 is of numbers, and the label 'label' holds",
        ),
        ({"label": "noise", "features": ("age",), "data": table(4000)}, "The label 'noise' has "),
        ({"name": "../b"}, "'../b' is no name; use up to 64 letters, digits, dots, dashes and underscores"),
        ({"public": planted_table(Loss(), rows=50)}, "50 rows of the public data are in the hold-out, such as 'p0'"),
        ({"data": planted_table(Loss(), rows=200)}, "Of 200 rows"),
    ],
)
def test_what_cannot_be_a_bounty_is_refused_in_one_line_and_leaves_nothing(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(EvenhandError) as caught:
        opened_in(tmp_path / "b", opening(**changes))
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_bounty_is_never_replaced(tmp_path: Path) -> None:
    opened_in(tmp_path / "b", opening())
    before = (tmp_path / "b" / HIDDEN).read_bytes()
    with pytest.raises(EvenhandError, match="is there already; take another name"):
        opened_in(tmp_path / "b", opening())
    assert (tmp_path / "b" / HIDDEN).read_bytes() == before


def test_files_that_do_not_belong_together_are_not_opened(tmp_path: Path) -> None:
    opened_in(tmp_path / "a", opening())
    opened_in(tmp_path / "b", opening(data=table(1200)))
    (tmp_path / "a" / SECRET).write_bytes((tmp_path / "b" / SECRET).read_bytes())
    with pytest.raises(DataError, match="do not belong together; restore them all"):
        opened(tmp_path / "a")
    (tmp_path / "a" / SECRET).write_bytes(b"nothing")
    with pytest.raises(EvenhandError, match="cannot be opened"):
        opened(tmp_path / "a")


def test_a_loss_that_is_never_wrong_is_no_bounty(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="The loss top:2 is never wrong with 2 classes; name fewer"):
        opened_in(tmp_path / "b", replace(planted("top:2", classes=2, rows=1000), predicted=("p_c0", "p_c1")))
