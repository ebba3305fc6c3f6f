"""The documents tell the truth: their Python runs, their table of metrics is the registry, their links lead somewhere."""

import re
from pathlib import Path

import pytest

from evenhand.metrics import ALL
from evenhand.metrics.gaps import ALL as GAPS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
METRICS = ROOT / "docs" / "metrics.md"


def table_of_metrics() -> str:
    """docs/metrics.md as the registry has it."""
    lines = [
        "# Metrics", "",
        "Every metric compares a group with the rest (or a reference). *Above* says what a value above parity means.", "",
        "| code | stage | parity | what it says | above parity |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for metric in ALL:
        above = metric.above.replace("{group}", "*group*").replace("{rest}", "*rest*").replace("{size}", "so much")
        lines.append(f"| {metric.code} | {metric.stage} | {metric.parity:g} | {metric.sentence} | {above} |")
    for gap in GAPS:
        words = gap.words.replace("{highest}", "*highest*").replace("{lowest}", "*lowest*").replace("{size}", "so much")
        lines.append(f"| {gap.code} | {gap.stage} | 0 | {gap.sentence} | {words} |")
    lines += [
        "", "Formulas and sources stand in the docstrings of `src/evenhand/metrics/`. Differences from Amazon SageMaker Clarify's",
        "open implementation (smclarify 0.5), where that is wrong: distances (KL, JS, LP, TVD, KS) keep every class, also those that",
        "only one group has; labels of several classes are compared over all classes; a stratum in which everyone is accepted, or",
        "everyone rejected, adds nothing to CDDL and CDDPL; FT has the sign of Clarify's documents, standardises features and takes",
        "categories; 0/0 is not defined, with a reason, instead of 0; missing values are a group of their own and in nobody's rest.", "",
    ]  # fmt: skip
    return "\n".join(lines)


def test_the_table_of_metrics_is_the_registry() -> None:
    assert METRICS.read_text() == table_of_metrics(), "run `python tests/test_docs.py`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_in_the_documents_runs(page: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(page), "exec"), names)  # noqa: S102 - our own documents


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for place in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if "://" not in place:
            assert (page.parent / place).exists(), f"{page.name} links to {place}"


@pytest.mark.parametrize("page", ["CHANGELOG.md", "README.md"])
def test_the_number_of_metrics_is_told_right(page: str) -> None:
    told = re.search(r"(\d+) metrics", (ROOT / page).read_text())
    assert told is not None
    assert int(told[1]) == len(ALL) + len(GAPS)


def test_ci_runs_the_commands_of_the_readme() -> None:
    readme, script = (ROOT / "README.md").read_text(), (ROOT / ".ci" / "run").read_text()
    for command in ("python -m pip install --editable . --group dev", "python -m pytest", "evenhand demo --report out"):
        assert command.replace("python -m pip install ", "") in readme
        assert command.split("python -m pip install ")[-1] in script


if __name__ == "__main__":
    METRICS.write_text(table_of_metrics())
