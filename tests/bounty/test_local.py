"""A bounty from Python alone: opened, hunted in by two teams, and what it leaves."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import evenhand as eh
from tests.bounty.opened import WRONGED, people


def sample() -> dict[str, Any]:
    found = people(300, seed=1)
    return {name: found[name] for name in ("age", "region", "code", "truth")}


def opening(**rules: object) -> eh.Opening:
    return eh.Opening(
        name="loans", data=people(), label="truth", predicted=("base",), identity="id", public=sample(),
        features=("age", "region", "code"), rules={"facets": ("region",), **rules},
    )  # fmt: skip


def test_a_bounty_is_opened_hunted_in_and_kept(tmp_path: Path) -> None:
    with eh.LocalBounty.create(tmp_path / "home", opening()) as bounty:
        hidden = bounty.hidden.to_pandas()
        assert "truth" not in hidden and "truth" in bounty.public.column_names
        better = np.where(((hidden["region"] == "north") & (hidden["age"] < 30)) | (hidden["age"] > 50), "yes", "no")
        coin = np.random.default_rng(0).choice(["yes", "no"], len(hidden))
        assert bounty.submit("age<60", coin, team="B").state == "refused"
        found = bounty.submit(eh.Group.parse(WRONGED), better, team="A")
        assert (found.state, found.version) == ("accepted", 1)
        assert bounty.facets() == (WRONGED,)
        contest = bounty.contest()
        assert [find.team for find in contest.finds] == ["A"] and contest.owners is not None
        rows = people()
        model = bounty.model(tmp_path / "model")
        right = (np.asarray(rows["truth"]) == model.predict(pd.DataFrame(rows))["label"]).mean()
        assert right > (np.asarray(rows["truth"]) == np.asarray(rows["base"])).mean() + 0.05
        bounty.card(tmp_path / "card.html")
        assert "region=north" in (tmp_path / "card.html").read_text()
        assert bounty.replay().same == 2
    with eh.LocalBounty(tmp_path / "home", "loans") as again:
        assert again.facets() == (WRONGED,) and again.rules.label == "truth"


def test_answers_come_as_tables_of_any_kind_and_as_files(tmp_path: Path) -> None:
    with eh.LocalBounty.create(tmp_path, opening()) as bounty:
        hidden = bounty.hidden.to_pandas()
        coins = np.random.default_rng(0)

        def coin() -> pd.DataFrame:
            return pd.DataFrame({"id": hidden["id"], "prediction": coins.choice(["yes", "no"], len(hidden))})

        for answers in (coin(), pl.from_pandas(coin()), coin().to_dict("list"), coin()["prediction"]):
            assert bounty.submit("age<50", answers, team="A").scored
        coin().to_csv(tmp_path / "coin.csv", index=False)
        assert bounty.submit("age<50", tmp_path / "coin.csv", team="A").scored
        (tmp_path / "m.onnx").write_bytes(b"none")
        assert bounty.submit("age<50", str(tmp_path / "m.onnx"), team="A").state in ("failed", "refused")


def test_what_cannot_be_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(eh.DataError, match="No bounty 'loans'"):
        eh.LocalBounty(tmp_path, "loans")
    with eh.LocalBounty.create(tmp_path, opening()) as bounty:
        with pytest.raises(eh.SpecError, match="There is a bounty 'loans' already"):
            eh.LocalBounty.create(tmp_path, opening())
        with pytest.raises(eh.SpecError, match="There are 3,000 hidden rows; give one"):
            bounty.submit("age<50", ["yes", "no"], team="A")
        with pytest.raises(eh.SpecError, match=r"There is no file 'none.parquet'"):
            bounty.submit("age<50", "none.parquet", team="A")
        with pytest.raises(eh.EvenhandError, match="ages"):
            bounty.submit("ages<50", ["yes"] * 3000, team="A")
