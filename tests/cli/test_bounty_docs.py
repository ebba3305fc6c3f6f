"""docs/bounties.md tells the truth: its commands exist, and those of one machine run as they are written."""

import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import typer
from pyarrow import parquet

import evenhand as eh
import evenhand.cli
from evenhand.bounty.submissions.predicates import group_of_json
from evenhand.core.bounty import Bounty
from evenhand.core.group import Group

PAGE = (Path(__file__).parents[2] / "docs" / "bounties.md").read_text()
BLOCKS = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [shlex.split(line)[2:] for block in BLOCKS for line in block.splitlines() if line.startswith("$ evenhand ")]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_commands_and_options_exist(words: list[str]) -> None:
    command: Any = typer.main.get_command(evenhand.cli.app)
    words = list(words)
    while words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_every_command_and_every_rule_is_described() -> None:
    command: Any = typer.main.get_command(evenhand.cli.app)
    bounty = command.commands["bounty"].commands
    for name in bounty:
        if name != "list":
            assert f"evenhand bounty {name}" in PAGE, name
    options = {option for parameter in bounty["create"].params for option in parameter.opts}
    rules = set(re.findall(r"`(--[a-z-]+)`", PAGE.split("## What an owner decides")[1]))
    assert rules <= options | {"--home", "--store", "--model"}
    assert {"--delta", "--budget", "--closes"} <= rules
    assert Bounty.model_fields["kinds"].default == ("predictions", "model")  # code is not taken unless it is named


def test_the_group_of_the_document_is_one() -> None:
    [tree] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert group_of_json(json.loads(tree)) == Group.parse("sex=Female & ~age>=25")


def test_the_commands_of_one_machine_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    people = eh.demo_table(rows=3_000)
    parquet.write_table(pa.table({name: column[:2_000] for name, column in people.items()}), "holdout.parquet")
    parquet.write_table(pa.table({name: column[2_000:] for name, column in people.items()}), "public.parquet")
    parquet.write_table(pa.table(eh.demo_table(rows=1_000, seed=5)), "fresh.parquet")
    held = {"person": people["person"][:2_000], "prediction": people["repaid"][:2_000]}
    parquet.write_table(pa.table(held), "predictions.parquet")  # the truth itself, so that it is accepted
    for line in BLOCKS[0].splitlines():
        monkeypatch.setattr(sys, "argv", shlex.split(line.removeprefix("$ ")))
        # An audit says by 2 that it found something.
        assert evenhand.cli._exit_code() in ((0, 2) if " audit " in line else (0,)), line
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "home") == [
        "card.html", "everything.zip", "fresh.parquet", "holdout.parquet", "model", "predictions.parquet", "public.parquet", "report",
    ]  # fmt: skip
