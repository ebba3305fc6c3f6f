"""Other packages add metrics, sources, models and renderers through entry points: a package is made and used."""

import os
import subprocess
import sys
from pathlib import Path

PACKAGE = '''
import numpy as np
import evenhand as eh
from evenhand.models.loaded import LoadedModel
from evenhand.core.interval import difference

@eh.metric(code="MINE", stage="labels", needs="labels", parity=0.0, bounds=(-1, 1), harm="None.",
           above="{group} is below {rest}", below="{group} is above {rest}")
def my_difference(comparison):
    """A difference of another package."""
    return difference(comparison.rest.label_rate, comparison.group.label_rate)

def source(given):
    return eh.read({"g": ["a", "b"] * 50, "y": [1, 0, 1, 1] * 25, "x": [1, 2, 3, 4] * 25}) if given == "mine://table" else None

def model(given):
    return LoadedModel("mine", lambda rows: {"label": np.ones(len(rows))}) if given is Ellipsis else None

def render(report, *, against=None):
    return f"{report.title}: {len(report.findings)}"
'''
ENTRIES = """
[evenhand.metrics]
mine = plugged:my_difference
[evenhand.sources]
mine = plugged:source
[evenhand.models]
mine = plugged:model
[evenhand.renderers]
mine = plugged:render
"""
SCRIPT = """
import evenhand as eh
report = eh.run(eh.Audit(label="y", facets=["g"], features=[]), "mine://table", ..., title="Plugged")
own = {finding.metric: finding.value for finding in report.findings if finding.group == "g=a"}
assert own["MINE"] == own["DPL"], own
assert report.provenance.model == "mine"
print(eh.render(report, "mine").split(":")[0])
"""


def test_a_package_adds_a_member_to_every_family(tmp_path: Path) -> None:
    (tmp_path / "plugged.py").write_text(PACKAGE)
    folder = tmp_path / "plugged-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(ENTRIES)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=environment, check=False)
    assert done.stderr == ""
    assert done.stdout.strip() == "Plugged"
