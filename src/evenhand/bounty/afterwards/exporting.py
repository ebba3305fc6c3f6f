"""Exporting: everything of a bounty as one folder or zip that any program reads — without labels unless asked for."""

import csv
import io
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from evenhand.bounty.contest.facts import Contest
from evenhand.bounty.contest.scoreboard import Scoreboard
from evenhand.bounty.proving.holdout import FILES, HIDDEN, PUBLIC, Holdout, opened
from evenhand.bounty.submissions.sandbox import Sandbox
from evenhand.core.bounty import Bounty
from evenhand.core.errors import EvenhandError
from evenhand.core.store import Handed, Store

_AT_ONCE = 1000
# Characters that make a spreadsheet run a cell as a formula.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
_PARTS = ("check", "repair", "board")


def export(folder: Path, store: Store, out: Path, *, sandbox: Sandbox, labels: bool = False) -> None:
    """Write rules, submissions with their files, verdicts, groups, leaderboard and heat map, whole or not at all.

    A place that ends in .zip becomes one archive, any other a folder. Verdicts come with the numbers of their proofs,
    which are the owner's. `labels` adds the labels of the hold-out and the seed that parts it, after which it proves
    nothing any more. Raises EvenhandError where the place is taken or the log does not belong to the folder.
    """
    if out.exists():
        raise EvenhandError(f"{str(out)!r} is there already; remove it, or choose another place.")
    bounty, holdout = opened(folder)
    contest = Scoreboard(store, folder, sandbox).contest(owner=True, feed=1_000_000)
    handed = list(_all(store, bounty.name))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as beside:
            made = Path(beside) / "bounty"
            made.mkdir(mode=0o755)
            for name, content in _texts(bounty, contest, handed, holdout if labels else None):
                (made / name).write_text(content, encoding="utf-8", newline="")
            _copy(folder, made, handed)
            ready = _zipped(made, Path(beside) / "bounty.zip") if out.suffix.lower() == ".zip" else made
            shutil.move(ready, out)
    except OSError as error:
        raise EvenhandError(f"Cannot write {str(out)!r}: {error.strerror or error}.") from None


def written_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Rows as CSV (RFC 4180); a text that a spreadsheet would run as a formula begins with an apostrophe."""
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\r\n")
    writer.writerow([cell(name) for name in columns])
    writer.writerows([cell(row.get(name)) for name in columns] for row in rows)
    return held.getvalue()


def cell(value: Any) -> str:
    """A value in a CSV file: numbers as they are, texts without power."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULAS) else text


def _texts(
    bounty: Bounty, contest: Contest, handed: Sequence[Handed], labelled: Holdout | None
) -> Iterator[tuple[str, str]]:
    # The seed says which rows prove, which is no hunter's to know.
    yield "bounty.json", bounty.model_dump_json(indent=1, exclude=set() if labelled is not None else {"seed"})
    yield "contest.json", contest.model_dump_json(indent=1)
    yield "log.jsonl", "".join(f"{_line(each)}\n" for each in handed)
    yield "submissions.csv", _table([_flat(each) for each in handed])
    yield "leaderboard.csv", _table(_facts(contest.standings))
    yield "finds.csv", _table(_facts(contest.finds))
    yield "groups.csv", _table([_spread(row) for row in _facts(contest.groups)])
    yield "timeline.csv", _table(_facts(contest.timeline))
    yield "usage.csv", _table(_usage(contest))
    if labelled is not None:
        yield "labels.csv", _table(_labels(bounty, labelled))


def _line(handed: Handed) -> str:
    verdict = "null" if handed.verdict is None else handed.verdict.model_dump_json()
    return f'{{"submission":{handed.submission.model_dump_json()},"verdict":{verdict}}}'


def _flat(handed: Handed) -> dict[str, Any]:
    submission = handed.submission.model_dump(mode="json")
    if handed.verdict is None:
        return submission | {"state": "waiting"}
    verdict = handed.verdict.model_dump(mode="json")
    ruling = verdict.pop("ruling") or {}
    return submission | verdict | {f"ruling {name}": value for name, value in ruling.items()}


def _facts(facts: Sequence[BaseModel]) -> list[dict[str, Any]]:
    return [fact.model_dump(mode="json") for fact in facts]


def _spread(row: dict[str, Any]) -> dict[str, Any]:
    """Intervals in columns of their own."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        if name.endswith("interval"):
            found |= {f"{name} {end}": None if value is None else value[end] for end in ("low", "high", "method")}
        else:
            found[name] = value
    return found


def _usage(contest: Contest) -> list[dict[str, Any]]:
    usage = contest.usage
    return [
        {"team": team, "feature": feature, **each.model_dump()}
        for feature, row in zip(usage.features, usage.cells, strict=True)
        for team, each in zip(usage.teams, row, strict=True)
    ]


def _labels(bounty: Bounty, holdout: Holdout) -> list[dict[str, Any]]:
    labels = holdout.labels.tolist()
    meant = labels if bounty.loss.of_numbers else [bounty.classes[place] for place in labels]
    parts = np.array(_PARTS)[holdout.part].tolist()
    return [
        {bounty.identity: each, bounty.label: label, "used for": part}
        for each, label, part in zip(holdout.ids.tolist(), meant, parts, strict=True)
    ]


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = dict.fromkeys(name for row in rows for name in row)
    return written_csv(rows, tuple(columns))


def _copy(folder: Path, made: Path, handed: Sequence[Handed]) -> None:
    """The files that hunters were given and those that they sent."""
    for name in (HIDDEN, PUBLIC):
        if (folder / name).is_file():
            shutil.copyfile(folder / name, made / name)
    (made / FILES).mkdir()
    for file in sorted({each.submission.file for each in handed if each.submission.file}):
        if (folder / FILES / file).is_file():
            shutil.copyfile(folder / FILES / file, made / FILES / file)


def _zipped(folder: Path, target: Path) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
    return target


def _all(store: Store, name: str) -> Iterator[Handed]:
    page: Sequence[Handed] = ()
    while page := store.handed_in(name, after=page[-1].submission.number if page else 0, most=_AT_ONCE):
        yield from page
