"""Hostile input of monitors: definitions, explosions of groups, names in a terminal, and records that lie about time."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.core.audit_file import AuditFile
from evenhand.core.errors import DataError, SpecError
from evenhand.core.monitor import Monitor, Windows, span
from evenhand.core.store import Store
from evenhand.core.window import Window
from evenhand.monitor.capture import Capture
from evenhand.monitor.cron import Cron
from evenhand.monitor.running import run_window
from evenhand.monitor.schedule import window_of
from evenhand.server.settings import Settings
from evenhand.stores import open_store
from tests.cli.test_monitor import evenhand
from tests.monitor.story import day, labels, predictions, watched

NASTY = [
    "<img src=x onerror=alert(1)>",
    "\u202egnp.exe",
    "=HYPERLINK(1)",
    "+1",
    "-1",
    "@SUM(1)",
    "\tx",
    "a\x1b[2Jb",
    "'",
]


def billion(levels: int) -> str:
    """Text whose aliases of aliases mean nine to that power."""
    lines = [
        "name: x",
        "baseline: first 7",
        "audit:",
        "  label: y",
        "  facets:",
        "    - &a0 [x, x, x, x, x, x, x, x, x]",
    ]
    return "\n".join(lines + [f"    - &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)])


YAML = {
    "tag": ("!!python/object/apply:os.system ['touch here']", "could not determine a constructor"),
    "tag of a module": ("name: !!python/module:os x", "could not determine a constructor"),
    "aliases of aliases": (billion(12), "it holds more than 200,000 values"),
    "an alias of itself": ("name: &a [*a]", "nested deeper than 64, or holds itself"),
    "deep": ("[" * 20_000, "nested deeper than 64"),
    "deep, well formed": ("[" * 100 + "]" * 100, "nested deeper than 64"),
    "no date": ("name: 2026-13-45", "it holds a date or number that is none"),
    "no integer": ("name: !!int many", "it holds a date or number that is none"),
    "no time": ("name: !!timestamp soon", "it holds a date or number that is none"),
    "an endless integer": ("name: " + "9" * 5_000, "it holds a date or number that is none"),
    "NUL": ("name: a\0b", ""),
    "ten megabytes": ("name: " + "x" * 10_000_000, "it is longer than 2,097,152 characters"),
    "a long name": ("name: " + "x" * 500_000, ""),
    "not a mapping": ("- 1", ""),
    "an infinite limit": ("name: x\nlimits: {data: .inf}", ""),
}  # fmt: skip


@pytest.mark.parametrize("read", [Monitor.load, AuditFile.load, Settings.load], ids=["monitor", "audit", "settings"])
@pytest.mark.parametrize(("text", "said"), YAML.values(), ids=YAML)
def test_yaml_runs_nothing_and_grows_to_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], Any], text: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "x.yaml"
    place.write_text(text)
    began = time.process_time()
    with pytest.raises(SpecError) as refused:
        read(place)
    assert time.process_time() - began < 20
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 1_000
    assert [each.name for each in tmp_path.iterdir()] == ["x.yaml"]


def test_the_command_says_it_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(billion(12))
    found = evenhand(tmp_path, "add", "x.yaml")
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == "evenhand: 'x.yaml' is not YAML: it holds more than 200,000 values.\n"


@given(st.text() | st.from_regex(r"[0-9]{1,40}(m|min|h|d|w)", fullmatch=True))
def test_any_text_is_a_length_of_time_or_refused(text: str) -> None:
    """And every length can be added to every time that is kept."""
    try:
        found = span(text)
    except SpecError as error:
        assert "\n" not in str(error)
    else:
        assert timedelta(0) < found <= timedelta(days=36_600)
        assert datetime(9000, 1, 1) + found > datetime(9000, 1, 1) > datetime(1970, 1, 1) - found


@given(st.text("0123456789*/,- ", max_size=200) | st.text(max_size=50))
def test_any_text_is_a_schedule_or_refused(text: str) -> None:
    try:
        following = Cron.parse(text).next_after(datetime(2026, 11, 20, tzinfo=UTC))
    except SpecError:
        return
    assert following is None or following > datetime(2026, 11, 20, tzinfo=UTC)


@given(st.text(max_size=60) | st.datetimes().map(str) | st.sampled_from(["9999-12-31", "0001-01-01T00:00+14:00"]))
def test_any_text_is_a_window_or_refused(text: str) -> None:
    try:
        window = window_of(text, Windows())
    except SpecError:
        return
    assert window.start < window.end


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path / 'store.db'}") as opened:
        yield opened


def hostile(first: int, number: int, names: list[str], when: datetime) -> list[dict[str, Any]]:
    return [
        {"person": f"p{each}", "time": when.isoformat(), "sex": names[each % len(names)], "age": each % 50,
         "income": 1.0 * each, "score": (each % 10) / 10, "approved": ("yes", "no")[each % 2]}
        for each in range(first, first + number)
    ]  # fmt: skip


def test_the_terminal_shows_no_hidden_characters(tmp_path: Path) -> None:
    """Names of groups and columns from records, through the command itself."""
    definition = watched(alerts=(), baseline="first 1").model_dump(mode="json")
    (tmp_path / "loans.json").write_text(json.dumps(definition))
    rows = hostile(0, 450, NASTY, day(0)) + hostile(450, 450, NASTY[:3], day(1))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    assert evenhand(tmp_path, "add", "loans.json").returncode == 0
    assert evenhand(tmp_path, "capture", "loans", "rows.parquet").returncode == 0
    shown = [evenhand(tmp_path, "run", "loans", "--window", f"{day(number):%F}") for number in (0, 1)]
    shown.append(evenhand(tmp_path, "show", "loans", "--window", f"{day(1):%F}"))
    for found in shown:
        assert found.returncode in (0, 2), found.stderr
        assert not {"\u202e", "\x1b", "\t"} & set(found.stdout + found.stderr)
    assert "⟨U+202E⟩" in shown[-1].stdout


@pytest.mark.parametrize("number", [20_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_million_groups_are_a_few(tmp_path: Path, store: Store, number: int) -> None:
    """A facet whose values are ids: what is kept, compared and told stays small."""
    monitor, home = watched(alerts=(), baseline="first 1"), tmp_path / "home"
    store.put_monitor(monitor)
    with closing(Capture(home / "loans", monitor)) as capture:
        for each, first in [(each, first) for each in (0, 1) for first in range(0, number, 100_000)]:
            part = range(first, min(first + 100_000, number))
            capture.accept(pa.table({
                "person": [f"{each} {n}" for n in part], "sex": [f"group {n}" for n in part],
                "time": [day(each)] * len(part), "age": [30] * len(part), "income": [1.0] * len(part),
                "score": [0.5] * len(part), "approved": [("yes", "no")[n % 2] for n in part],
            }))  # fmt: skip
    for each in (0, 1):
        outcome = run_window(monitor, Window(day(each), day(each + 1)), store, home)
        assert outcome.rows == number
        assert outcome.report is not None
        assert len(outcome.model_dump_json()) < 3_000_000
        assert len(outcome.drifts) < 1_000


def test_replayed_records_alarm_once(tmp_path: Path, store: Store) -> None:
    """A bad day is sent again and again, in other orders and with other answers: it is counted once and told once."""
    home = tmp_path / "home"
    monitor = watched(baseline="first 3")
    store.put_monitor(monitor)
    rows = pa.table(predictions(0, 2)), pa.table(predictions(14))
    with closing(Capture(home / "loans", monitor)) as capture:
        for table in rows:
            capture.accept(table)
        assert capture.accept_truth(pa.table(labels(14))).accepted == 500
    for each in (0, 1, 2, 14):
        outcome = run_window(monitor, Window(day(each), day(each + 1)), store, home, now=day(16))
    told = len(store.due_deliveries(day(400), 1_000))
    assert (outcome.status, told) == ("drift", 1)
    for repeat in range(5):
        with closing(Capture(home / "loans", monitor)) as capture:
            again = rows[1].slice(repeat * 40).to_pylist()[::-1]
            capture.accept(again)
            capture.accept([{**row, "approved": "no"} for row in again], batch_id=f"b{repeat}")
            capture.accept_truth([{"person": row["person"], "repaid": "yes"} for row in again])
        repeated = run_window(monitor, Window(day(14), day(15)), store, home, now=day(16))
        assert (repeated.rows, repeated.labelled, repeated.drifts) == (500, 500, outcome.drifts)
    assert store.due_deliveries(day(400), 1_000) == []
    assert len(store.alerts(monitor="loans")) == len({(each.kind, each.about) for each in store.alerts()})


@pytest.mark.parametrize("when", [timedelta(days=1, seconds=1), timedelta(days=400_000), -timedelta(days=40)])
def test_records_from_other_times_change_no_window(tmp_path: Path, store: Store, when: timedelta) -> None:
    """One bad clock refuses its batch whole, and neither opens windows of the future nor empties those kept."""
    monitor = watched(alerts=(), baseline="first 1", keep=timedelta(days=30))
    store.put_monitor(monitor)
    now = datetime.now(UTC)
    with closing(Capture(tmp_path / "home" / "loans", monitor)) as capture:
        good = hostile(0, 20, ["f", "m"], now)
        assert capture.accept(good).accepted == 20
        with pytest.raises(DataError, match=r"more than a day ahead of the clock|nothing before .* is kept"):
            capture.accept([*hostile(20, 20, ["f", "m"], now), *hostile(40, 1, ["f"], now + when)])
        frame = capture.frame(Window(now - timedelta(days=60), now + timedelta(days=2)), labelled=False)
        assert frame is None
        capture.seal()
        frame = capture.frame(Window(now - timedelta(days=60), now + timedelta(days=2)), labelled=False)
        assert frame is not None and frame.height == 20
