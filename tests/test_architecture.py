"""The house plan: a file imports only from floors below its own, or from its own folder, and never in a circle."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import evenhand

ROOT = Path(evenhand.__file__).parent
FLOORS = [
    {"core"},
    {
        *("sources", "models", "metrics", "renderers", "modalities", "explainers", "baselines", "stores"),
        *("subgroups", "mitigations", "certificates"),
    },
    {"counting", "measuring", "explaining"},
    {"discovering"},
    {"flow"},
    {"parts"},
    {"demo", "clarify", "monitor", "testing", "client", "mending", "bounty"},
    {"server"},
    {"cli"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
FILES = [file for file in sorted(ROOT.rglob("*.py")) if file != ROOT / "__init__.py"]


def imports(file: Path) -> Iterator[list[str]]:
    """Dotted names below the package that a file imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name.split(".")[1:] for name in names if name.startswith("evenhand."))


def target(name: list[str]) -> Path | None:
    """The file that a dotted name lives in: the longest prefix that is a module."""
    for end in range(len(name), 0, -1):
        path = ROOT.joinpath(*name[:end])
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file in FILES:
                return file
    return None


def room_of(file: Path) -> str:
    return file.relative_to(ROOT).parts[0].removesuffix(".py")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_come_from_floors_below(file: Path) -> None:
    room = room_of(file)
    assert room in FLOOR, f"{room} stands on no floor; add it to the plan"
    upward = {name[0] for name in imports(file) if name[0] != room and FLOOR[name[0]] >= FLOOR[room]}
    assert not upward, f"{room} (floor {FLOOR[room]}) may not import {sorted(upward)}"


def test_no_circles() -> None:
    graph = {file: {target(name) for name in imports(file)} - {file, None} for file in FILES}
    order = list(TopologicalSorter(graph).static_order())  # raises CycleError, naming the files
    assert len(order) == len(FILES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_says_what_lives_there(file: Path) -> None:
    tree = ast.parse(file.read_text())
    assert ast.get_docstring(tree), f"{file} does not say in its first line what lives there"
    assert file.read_text().startswith('"""')


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_functions_are_short(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno
            assert length <= 60, f"{file}: {node.name} has {length} lines"


def test_no_dumping_grounds() -> None:
    names = {part for file in FILES for part in file.relative_to(ROOT).with_suffix("").parts}
    assert not names & {"utils", "util", "helpers", "helper", "common", "base", "manager"}
