"""Dialects: the tally of a hostile table as each warehouse would be asked for it, without one of them running."""

import re
from contextlib import nullcontext
from functools import partial
from typing import Any

import ibis
import ibis.backends.sql.compilers as compilers
import narwhals as nw
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import expressions as sql

from evenhand.core.errors import DataError
from evenhand.sources.lazy_counts import LazyCounts
from evenhand.sources.warehouse_queries import aliased, check_names, settled
from tests.sources.source_table import HOSTILE

# The dialect of Ibis, and sqlglot's name for it.
DIALECTS = {
    "bigquery": "bigquery", "snowflake": "snowflake", "databricks": "databricks", "trino": "trino", "athena": "trino",
    "clickhouse": "clickhouse", "mssql": "tsql", "mysql": "mysql", "postgres": "postgres", "duckdb": "duckdb",
    "sqlite": "sqlite",
}  # fmt: skip
# Two dialects write names in another way where they hold signs that the database refuses.
WRITTEN = {
    "bigquery": compilers.BigQueryCompiler._gen_valid_name,
    "athena": compilers.AthenaCompiler._gen_valid_name,
}
TYPES = {
    "score": "float64", "money": "decimal(38, 2)", "sex": "string", "n": "int64", "member": "boolean", "born": "date"
}  # fmt: skip
VALUE = "it's; DROP TABLE y; \\' -- \" `"


class Compiled(LazyCounts):
    """Counts nothing, and keeps what would be asked."""

    def __init__(self, columns: dict[str, str], dialect: str) -> None:
        self._compiled = partial(ibis.to_sql, dialect=dialect)
        table, kinds = aliased(ibis.table(columns, name="people"), self._compiled)
        super().__init__(table, kinds, nullcontext)
        self.asked: list[str] = []

    def _fetched(self, table: nw.LazyFrame[Any]) -> dict[str, list[Any]]:
        self.asked.append(str(self._compiled(settled(table.to_native(), self.table.to_native()))))
        names = table.collect_schema().names()
        return {name: [0] if names == ["n"] else [] for name in names}


def tally(columns: dict[str, str], dialect: str, texts: list[str], value: str) -> list[str]:
    """Every sort of key and sum, a total, the height and the values of a column, in this dialect."""
    counts = Compiled(columns, dialect)
    e = counts.expressions
    keys = {
        "log": e.signed_log_bin(e.number("score"), 8, -20, 30),
        "bin": e.linear_bin(e.number("money"), 0, 1, 1024),
        "cut": e.cut(e.number("n"), [25, 45.5]),
        "range": e.negated(e.between(e.number("score"), 1 / 3, 2, True, False)),
        "member": e.any_of([e.among(e.column("member"), [True]), e.missing(e.column("n"))]),
        "born": e.column("born"),
        "value": e.among(e.column(texts[0]), [value]),
    } | {f"text {place}": e.column(name) for place, name in enumerate(texts)}
    sums = {"score": e.times(e.number("score"), e.constant(0.5)), "weight": e.constant(0.5)}
    counts.cells(keys, sums, [list(keys), []], 1000)
    counts.height()
    counts.distinct(texts[-1], 5)
    return counts.asked


def check_one_reading(query: str, dialect: str, columns: list[str]) -> None:
    """One statement that reads; what the table calls its columns stands in the select that reads the table, quoted."""
    statements = sqlglot.parse(query, dialect=DIALECTS[dialect])
    assert len(statements) == 1
    (tree,) = statements
    assert isinstance(tree, sql.Select)
    assert [table.name for table in tree.find_all(sql.Table)] == ["people"]
    assert not list(tree.find_all(sql.Command, sql.Drop, sql.Delete, sql.Insert, sql.Update, sql.Create))
    for identifier in tree.find_all(sql.Identifier):
        ours = re.fullmatch(r"[cksnt]\d*|people", identifier.name)
        if not ours or identifier.name in columns:
            assert identifier.quoted or ours
        if not ours:
            assert identifier.name in columns
            assert isinstance(identifier.parent, (sql.Column, sql.Alias))
            select = identifier.find_ancestor(sql.Select)
            assert select is not None
            assert select.args["from_"].this.name == "people"


def _read_as(columns: list[str], dialect: str) -> list[str]:
    """The names as the dialect's compiler writes them."""
    return [WRITTEN.get(dialect, str)(name) for name in columns]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_tally_of_hostile_names_is_one_statement_that_reads(dialect: str) -> None:
    columns = TYPES | dict.fromkeys(HOSTILE, "string")
    asked = tally(columns, dialect, HOSTILE, VALUE)
    assert len(asked) == 4
    for query in asked:
        check_one_reading(query, dialect, _read_as(list(columns), dialect))
    literals = sqlglot.parse_one(asked[0], dialect=DIALECTS[dialect]).find_all(sql.Literal)
    assert VALUE in {literal.this for literal in literals if literal.is_string}


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=15, deadline=None)
@given(
    name=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12),
    value=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
)
def test_any_name_and_any_value(dialect: str, name: str, value: str) -> None:
    counts = Compiled({name: "string", f"{name}2": "float64"}, dialect)
    e = counts.expressions
    keys = {"text": e.column(name), "value": e.among(e.column(name), [value])}
    counts.cells(keys, {"number": e.number(f"{name}2")}, [list(keys)], 10)
    check_one_reading(counts.asked[0], dialect, _read_as([name, f"{name}2"], dialect))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_sums_are_of_floats_and_logarithms_natural(dialect: str) -> None:
    first = sqlglot.parse_one(tally(TYPES, dialect, ["sex"], "x")[0], dialect=DIALECTS[dialect])
    halves = [literal for literal in first.find_all(sql.Literal) if literal.this == "0.5"]
    assert halves
    assert all(isinstance(half.parent, sql.Cast) for half in halves)
    assert not list(first.find_all(sql.Log))


def test_names_that_bigquery_would_mix_up_are_refused() -> None:
    written = compilers.BigQueryCompiler._gen_valid_name
    table = ibis.table({"a.b": "string", "c": "int64", "a?b": "string"}, name="people")
    with pytest.raises(
        DataError, match=r"The columns 'a\.b' and 'a\?b' would both be read as 'a_b' here; rename one first\."
    ):
        check_names(table.filter(table.c > 1).select("c"), written)
    check_names(table, str)
    check_names(table.select("c"), str)
    check_names(ibis.table(dict.fromkeys(HOSTILE, "string"), name="people"), written)
