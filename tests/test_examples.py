"""The examples hold together: they parse, and the commands and options they call exist."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
import yaml

from evenhand.cli import app
from evenhand.core.monitor import Alert, Channel, Limits, Monitor, Truth, Windows
from evenhand.core.window import cell_of, moment
from evenhand.server.settings import Settings

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


def blocks(language: str) -> list[str]:
    """The blocks of a language in docs/monitoring.md."""
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", (DOCS / "monitoring.md").read_text(), re.DOTALL)
    return found


def test_the_definition_in_the_document_is_one_and_has_every_field() -> None:
    definition = yaml.safe_load(blocks("yaml")[0])
    monitor = Monitor.model_validate(definition)
    assert monitor.alerts[0].address == "env:EVENHAND_SLACK"
    assert set(definition) == set(Monitor.model_fields)
    assert {*definition["alerts"][0], "options"} == set(Alert.model_fields)
    text = (DOCS / "monitoring.md").read_text()
    for part in (Windows, Truth, Limits):
        for name in part.model_fields:
            assert f"`{name}`" in text, f"{part.__name__}.{name} is not described"


def test_the_document_shows_every_channel() -> None:
    alerts = [Alert.model_validate(each) for each in yaml.safe_load(blocks("yaml")[1])["alerts"]]
    assert {alert.to for alert in alerts} == set(get_args(Channel))


def test_the_settings_in_the_document_are_settings(tmp_path: Path) -> None:
    (tmp_path / "server.yaml").write_text(blocks("yaml")[2])
    settings = Settings.load(tmp_path / "server.yaml")
    assert settings.openid is not None
    assert settings.openid.roles["fairness-lead"] == ("read", "submit", "admin")


def test_the_windows_in_the_document_are_windows() -> None:
    rows = re.findall(r"^\| [^|]+ \| `(\{length.*?\})` \|$", (DOCS / "monitoring.md").read_text(), re.M)
    assert len(rows) == 3
    tumbling, sliding, landmark = (Windows.model_validate(yaml.safe_load(row)) for row in rows)
    assert tumbling.every is None and sliding.every is not None
    # A landmark in the middle of a cell would count what was before it.
    start = moment(str(landmark.since))
    assert cell_of(start, landmark).start == start
