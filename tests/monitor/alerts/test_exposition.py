"""The text for Prometheus: its own parser reads every name back as it was."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from evenhand.core.store import Store
from evenhand.monitor.alerts import metrics_text
from evenhand.monitor.alerts.message import named
from evenhand.stores import open_store
from tests.monitor.alerts.conftest import after, drift, fine, watched, window

Found = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def parsed(text: str) -> Found:
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    found = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}
    assert len(found) == len(samples), "a series twice"
    return found


def test_the_latest_window_and_the_alerts(store: Store) -> None:
    watched(store)
    store.put_outcome(window(0, drift(value=0.5)))
    store.put_outcome(window(1, drift(value=float("inf")), fine("TE", value=float("nan"))))
    store.raise_alert("loans", "bias", "DI", "fell", after(0))
    found = parsed(metrics_text(store))
    assert {number for (name, _), number in found.items() if name == "evenhand_drift"} == {0.0, 1.0}
    assert float("inf") in {number for (name, _), number in found.items() if name == "evenhand_value"}
    assert found["evenhand_window_rows", (("monitor", "loans"),)] == 1000
    assert found["evenhand_window_end_timestamp_seconds", (("monitor", "loans"),)] == 1767398400
    assert found["evenhand_alerts", (("monitor", "loans"), ("state", "open"))] == 1
    assert found["evenhand_alerts", (("monitor", "loans"), ("state", "recovered"))] == 0


def test_an_empty_store_says_nothing(store: Store) -> None:
    assert metrics_text(store) == ""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = open_store(f"sqlite:///{tmp_path_factory.mktemp('kept') / 'store.db'}")
    watched(made)
    return made


@given(st.lists(st.text(max_size=40), max_size=6))
@settings(deadline=None)
def test_any_name_is_one_label(kept: Store, names: list[str]) -> None:
    kept.put_outcome(window(0, *(drift(name, group=name) for name in [*names, *names])))
    text = metrics_text(kept)
    found = parsed(text)
    abouts = {dict(labels)["about"] for (name, labels) in found if name == "evenhand_drift"}
    assert abouts == {named(name) for name in names}
    assert not re.search(r"^(?!# |evenhand_[a-z_]+\{).", text, re.MULTILINE)


def test_there_is_an_end_to_what_is_listed(store: Store) -> None:
    watched(store)
    store.put_outcome(window(0, *(drift(f"column {number}") for number in range(2_500))))
    found = parsed(metrics_text(store))
    assert found["evenhand_series_left_out", (("monitor", "loans"),)] == 500
    assert sum(name == "evenhand_drift" for name, _ in found) == 2_000


@pytest.mark.parametrize("text", ['a"} 1\nevil{x="', "a\\", "a\nb", '"', "\u202e"])
def test_labels_that_try_to_be_more(store: Store, text: str) -> None:
    watched(store)
    store.put_outcome(window(0, drift(text)))
    assert {name for name, _ in parsed(metrics_text(store)) if not name.startswith("evenhand_")} == set()
