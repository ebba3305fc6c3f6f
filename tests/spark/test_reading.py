"""What Spark opens, what it refuses, and that it audits as one machine does."""

from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

import evenhand as eh
from evenhand.core.errors import DataError, SpecError, UnreadableSource
from evenhand.sources import read
from evenhand.sources.spark import read_spark

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("spark")]


def test_what_is_not_there_is_told(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    with pytest.raises(UnreadableSource, match=r"a\.csv is no Parquet.*spark\.read\.csv.*or leave engine= out"):
        read_spark(tmp_path / "a.csv")
    with pytest.raises(UnreadableSource, match="'peple' is neither a path nor a table in Spark's catalog"):
        read_spark("peple")
    with pytest.raises(UnreadableSource, match="Spark finds nothing at file:///nowhere; give a path"):
        read_spark("file:///nowhere")
    (tmp_path / "delta" / "_delta_log").mkdir(parents=True)
    with pytest.raises(UnreadableSource, match="is a Delta table, and this Spark session has no Delta Lake"):
        read_spark(tmp_path / "delta")
    with pytest.raises(DataError, match="a Spark table of 1 columns holds no rows"):
        read_spark(spark.range(0))
    with pytest.raises(SpecError, match=r"A Spark session with the master local\[2\] is active, so that local\[3\]"):
        read_spark("people", master="local[3]")
    with pytest.raises(DataError, match="Two columns of a Spark table of 2 columns are called 'id'"):
        read_spark(spark.range(3).selectExpr("id", "id"))


def test_folders_give_their_columns(spark: Any, tmp_path: Path) -> None:
    assert spark is not None
    for sex in ("f", "m"):
        (tmp_path / f"sex={sex}").mkdir()
        pq.write_table(pa.table({"age": [1, 2]}), tmp_path / f"sex={sex}" / "x.parquet")
    frame = read_spark(tmp_path)
    assert list(frame.kinds) == list(read(tmp_path).kinds) == ["age", "sex"]
    assert frame.at(np.arange(4), ["sex"])["sex"].tolist() == ["f", "f", "m", "m"]


NUMBERS = st.none() | st.sampled_from([float("nan"), float("inf"), -float("inf"), -0.0, 0.5, 1e300]) | st.floats(0, 1)
ROW = st.tuples(
    st.sampled_from(["a", "b", None]), st.sampled_from(["x", "y"]), st.sampled_from([0, 1]), st.none() | st.floats(0, 1),
    NUMBERS, st.none() | st.sampled_from([2**53 + 1, -(2**63), 2**63 - 1, 7]), st.integers(0, 9),
)  # fmt: skip
AUDITS = [
    eh.Audit(label="label", positive=(1,), score="score", score_range=(0, 1), facets=("sex", "other@0.2,0.7", "huge@0,8"),
             intersections=(("sex", "other@0.2,0.7"),), stratum="stratum"),
    eh.Audit(label="label", positive=(1,), facets=("sex",), weight="weight", block="block", stratum="stratum"),
]  # fmt: skip


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(ROW, min_size=40, max_size=120))
def test_spark_audits_as_one_machine_does(spark: Any, rows: list[tuple[Any, ...]]) -> None:
    types = [pa.string(), pa.string(), pa.int64(), pa.float64(), pa.float64(), pa.int64(), pa.int64()]
    names = ["sex", "stratum", "label", "score", "other", "huge", "block"]
    table = pa.table([pa.array(v, t) for v, t in zip(zip(*rows, strict=True), types, strict=True)], names=names)
    table = table.append_column("weight", pa.array([1 + place % 4 / 4 for place in range(len(rows))]))
    for audit in AUDITS:
        outcomes: list[Any] = []
        for source in (table, spark.createDataFrame(table)):
            try:
                report = eh.run(audit, source)
                outcomes.append((report.findings, report.provenance.fingerprint, report.missing))
            except eh.EvenhandError as error:
                outcomes.append(str(error).replace(read(source).location, "it"))
        assert outcomes[0] == outcomes[1]
