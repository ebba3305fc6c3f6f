"""The examples hold together: they parse, and the commands and options they call exist."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from evenhand.cli import app
from evenhand.core.monitor import Monitor

DOCS = Path(__file__).parents[1] / "docs"
EXAMPLES = sorted((DOCS / "examples").iterdir())
PAGES = [*EXAMPLES, DOCS / "monitoring.md"]


def called(text: str) -> list[list[str]]:
    """The words of every call of evenhand, as shells and lists of Python write them."""
    text = text.replace('evenhand("', "evenhand ").replace('["evenhand", *arguments]', "").replace('", "', " ")
    found = re.findall(r"(?:bin/|\$ |run: |EVENHAND\} |return |== |`|^)evenhand ((?:[a-z-]+ )*[^\n`]*)", text, re.M)
    return [line.split() for line in found]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_exist(page: Path) -> None:
    for words in called(page.read_text()):
        command: Any = typer.main.get_command(app)
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        if hasattr(command, "commands"):
            continue  # prose
        known = {option for parameter in command.params for option in parameter.opts}
        given = {word.rstrip("`,.") for word in words if re.fullmatch(r"--[a-z-]+[`,.]?", word)}
        assert given <= known, f"{page.name}: {command.name} has no {sorted(given - known)}"


def test_python_and_yaml_parse() -> None:
    for place in EXAMPLES:
        if place.suffix == ".py":
            compile(place.read_text(), str(place), "exec")
        elif place.suffix == ".yml":
            assert {"jobs", "name"} <= set(yaml.safe_load(place.read_text()))


def test_the_definition_in_the_document_is_one() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", (DOCS / "monitoring.md").read_text(), re.DOTALL)
    monitor = Monitor.model_validate(yaml.safe_load(block))
    assert monitor.alerts[0].address == "env:EVENHAND_SLACK"
