"""A script that uses sources leaves nothing on stderr, not even when the interpreter ends."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources.source_makers import write_csv
from tests.sources.source_table import sample

SCRIPT = """
import sys
{imports}
from evenhand.sources import read, attach, join_predictions
frame = read({source})
e = frame.expressions
frame.cells({{"k": e.column("sex"), "b": e.linear_bin(e.number("score"), 0, 1, 10)}}, {{}}, [["k", "b"], ["k"]], 1000)
frame.rows({{"k": e.column("sex")}}, 10, 0)
iterator = frame.batches(["id", "sex"], 50)
batch = next(iterator)
kept = {{"frame": frame, "cache": [e.column("sex")]}}
{more}
print("done")
"""
CASES = {
    "csv": ("", "sys.argv[1]", "attach(batch, {'score': __import__('numpy').zeros(len(batch))})"),
    "pandas": ("import pandas as pd", "pd.read_csv(sys.argv[1])", ""),
    "polars": ("import polars as pl", "pl.read_csv(sys.argv[1])", ""),
    "relation": ("import duckdb", "duckdb.connect().read_csv(sys.argv[1])", ""),
    "joined": ("", "sys.argv[1]", "join_predictions(frame, read({'id': [1], 'x': [2]}), 'id').distinct('x', 3)"),
    "failing": ("", "sys.argv[1]", "try:\n    read('nowhere.csv')\nexcept Exception:\n    pass"),
}


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_written_to_stderr(tmp_path: Path, case: str) -> None:
    imports, source, more = CASES[case]
    file = write_csv(sample(), tmp_path / "table.csv")
    script = SCRIPT.format(imports=imports, source=source, more=more)
    done = subprocess.run([sys.executable, "-c", script, str(file)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
