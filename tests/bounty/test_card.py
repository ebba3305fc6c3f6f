"""The card and the delivered model: what was found is said, escaped and with reservations, and the model says it too."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import evenhand as eh
from evenhand.bounty.afterwards.card import card_of, render_card
from evenhand.bounty.afterwards.card_facts import Card
from evenhand.bounty.afterwards.delivering import CARD, HISTORY, PAGE, deliver
from evenhand.bounty.afterwards.findings import audit_of, facets_of, report_of_finds, watching, with_facets
from evenhand.bounty.judging.merging import Merging
from evenhand.bounty.proving.holdout import BOARD, CHECK, REPAIR
from evenhand.bounty.submissions.answering import answers_of
from evenhand.bounty.submissions.sandbox import Sandbox
from evenhand.core.audit_file import AuditFile
from evenhand.core.errors import DataError, EvenhandError, SpecError
from evenhand.core.monitor import Monitor
from tests.bounty.hunted import Hunt, better, coded_answers, hunt_in, planted, useless

ABOUT = "<script>alert('about')</script>"
HOSTILE = "A<b>&'"
CASES = [("zero-one", 3), ("log", 3), ("squared:1", 2), ("top:2", 3)]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case[0])
def hunt(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hunt]:
    """A bounty with finds, repairs and refusals, of losses of every kind."""
    loss, classes = request.param
    with Sandbox() as sandbox:
        opening = planted(loss, classes=classes, rows=16_000, about=ABOUT, facets=("region", "age@30"))
        found = hunt_in(tmp_path_factory.mktemp("card"), sandbox, opening)
        truth = np.asarray(found.holdout.columns["truth"]).astype(int)
        young = np.asarray(found.holdout.columns["age"]) < 20
        found.try_("B", "age>=18", useless(found, 1))
        found.try_(HOSTILE, "age<20", better(found))
        found.try_("B", "age<30", coded_answers(found, np.where(young, (truth + 1) % classes, truth)))
        assert [each.state for each in found.verdicts] == ["refused", "accepted", "accepted"]
        yield found


@pytest.fixture(scope="module")
def out(hunt: Hunt, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The newest model."""
    place = tmp_path_factory.mktemp("out") / "model"
    deliver(hunt.folder, hunt.store, place, sandbox=hunt.sandbox)
    return place


def rows_of(hunt: Hunt) -> pd.DataFrame:
    """The hidden rows as their owner has them, with the recorded answers of the first model."""
    base = hunt.holdout.base
    if hunt.bounty.loss.of_labels:
        said: dict[str, Any] = {"said": [hunt.bounty.classes[place] for place in base]}
    elif hunt.bounty.loss.of_numbers:
        said = {"said": base}
    else:
        said = {f"p_{each}": base[:, place] for place, each in enumerate(hunt.bounty.classes)}
    return pd.DataFrame({"id": hunt.holdout.ids.astype(str), **hunt.holdout.columns, **said})


def test_the_delivered_model_says_what_the_judge_says_to_the_last_bit_in_every_version(
    hunt: Hunt, tmp_path: Path
) -> None:
    rows = rows_of(hunt)
    newest = hunt.judge.list.list.version
    assert newest >= 3, "two finds, and a repair"
    for version in range(newest + 1):
        place = tmp_path / str(version)
        assert deliver(hunt.folder, hunt.store, place, sandbox=hunt.sandbox, version=version).list.version == version
        model = eh.load_model(place)
        for part in (CHECK, REPAIR, BOARD):
            held = hunt.judge._parts[part]
            given = answers_of(model, rows.iloc[held.rows], hunt.bounty.loss, hunt.bounty.classes)
            assert given.tobytes() == held.versions.answers[version].astype(given.dtype).tobytes()


def test_for_other_people_the_list_answers_as_if_recorded_answers_were_not_there(hunt: Hunt, out: Path) -> None:
    others = rows_of(hunt).head(200).assign(id=[f"new{place}" for place in range(200)])
    given = answers_of(eh.load_model(out), others, hunt.bounty.loss, hunt.bounty.classes)
    assert given.tobytes() == hunt.holdout.base[:200].astype(given.dtype).tobytes()


def test_the_history_names_every_find_with_its_proof_and_hunters_get_it_without(
    hunt: Hunt, out: Path, tmp_path: Path
) -> None:
    history = json.loads((out / HISTORY).read_text())
    assert [(each["number"], each["team"], each["group"]) for each in history] == [
        (2, HOSTILE, "age<20"),
        (3, "B", "age<30"),
    ]
    assert [each["repairs"] for each in history] == [each.repairs for each in hunt.verdicts[1:]]
    assert [each["version"] for each in history] == [each.version for each in hunt.verdicts[1:]]
    rulings = [each.ruling for each in hunt.verdicts[1:]]
    assert [(each["gain"], each["low"], each["high"]) for each in history] == [
        (each.gain, each.low, each.high) for each in rulings if each is not None
    ]
    deliver(hunt.folder, hunt.store, tmp_path / "public", sandbox=hunt.sandbox, owner=False)
    public = json.loads((tmp_path / "public" / HISTORY).read_text())
    assert not {"gain", "low", "high", "error", "bar", "before", "after"} & public[0].keys()
    assert not (tmp_path / "public" / CARD).exists() and not (tmp_path / "public" / PAGE).exists()


def test_a_place_that_is_taken_and_a_version_that_there_is_not_are_refused_and_leave_nothing(
    hunt: Hunt, out: Path, tmp_path: Path
) -> None:
    with pytest.raises(EvenhandError, match="is there already; remove it, or choose another folder"):
        deliver(hunt.folder, hunt.store, out, sandbox=hunt.sandbox)
    with pytest.raises(SpecError, match="There is no version 99; the versions are 0 to"):
        deliver(hunt.folder, hunt.store, tmp_path / "x", sandbox=hunt.sandbox, version=99)
    assert list(tmp_path.iterdir()) == []


def test_the_card_measures_finds_on_rows_that_neither_proved_nor_repaired(hunt: Hunt, out: Path) -> None:
    card = Card.model_validate_json((out / CARD).read_text())
    held = hunt.judge._parts[BOARD]
    mask = hunt.mask("age<20")[held.rows]
    find = card.finds[0]
    shown = hunt.bounty.loss.shown
    assert find.error.rows == mask.sum()
    assert find.error.base == pytest.approx(shown(float(held.versions.losses[0][mask].mean())))
    assert find.error.now == pytest.approx(shown(float(held.versions.losses[-1][mask].mean())))
    assert card.overall.now == pytest.approx(shown(held.versions.mean))
    ruling = hunt.verdicts[1].ruling
    assert ruling is not None and find.gain is not None and find.proven_gain == ruling.gain
    assert (find.gain.low, find.gain.high) == (ruling.low, ruling.high)
    assert (card.teams, card.submitted, card.scored, card.accepted) == (2, 3, 3, 2)
    assert find.sentence.startswith(f"Team {HOSTILE} found that the model could serve age<20 better (")


def test_the_card_says_how_far_the_proofs_reach(out: Path) -> None:
    card = Card.model_validate_json((out / CARD).read_text())
    assert any("is at most 0.05 for all of them together" in each for each in card.proof)
    assert any("2 of 2 accepted submissions only answer the ids of the hold-out" in each for each in card.limits)


def test_the_page_loads_nothing_and_strangers_texts_are_text(out: Path) -> None:
    page = (out / PAGE).read_text()
    assert "<script" not in page and "&lt;script&gt;alert(&#39;about&#39;)&lt;/script&gt;" in page
    assert "A<b>" not in page and "A&lt;b&gt;&amp;&#39;" in page
    assert "http:" not in page and "https:" not in page and "default-src 'none'" in page
    assert page == render_card(Card.model_validate_json((out / CARD).read_text()))


def test_the_card_of_an_older_version_knows_nothing_of_later_finds(hunt: Hunt) -> None:
    merging = Merging(hunt.bounty, hunt.holdout, hunt.folder, hunt.sandbox).take_up(hunt.store)
    assert [len(card_of(hunt.store, merging, version).finds) for version in (0, 1, 2, 3)] == [0, 1, 2, 2]
    first = card_of(hunt.store, merging, 0)
    assert first.overall.change == 0 and "Nothing was proven: the model answers as it did." in first.proof
    assert "Nothing was accepted." in render_card(first)


def test_accepted_groups_become_facets_of_an_audit_an_audit_file_and_a_monitor(hunt: Hunt) -> None:
    facets = facets_of(hunt.store, hunt.bounty.name)
    assert facets == ("age<20", "age<30")
    audit = eh.Audit(label="label", predicted_label="said", positive=["c1"], facets=["region", "age<30"])
    assert with_facets(audit, facets).facets == ("region", "age<30", "age<20")
    file = with_facets(AuditFile(**audit.model_dump(), data="x.csv"), facets)
    assert type(file) is AuditFile and file.data == "x.csv" and "age<20" in file.audit.facets
    monitor = watching(Monitor(name="m", audit=audit, baseline="b.csv"), facets)
    assert monitor.audit.facets == ("region", "age<30", "age<20") and monitor.name == "m"
    assert audit_of(hunt.bounty, facets).facets == ("region", "age@30", "age<20", "age<30")
    with pytest.raises(SpecError, match="Nothing was accepted yet, and the rules name no groups"):
        audit_of(hunt.bounty.model_copy(update={"facets": ()}), ())
    with pytest.raises(DataError, match="No bounty 'other'"):
        facets_of(hunt.store, "other")


def test_accepted_groups_become_findings_of_a_report_on_the_owners_table(hunt: Hunt) -> None:
    # Whoever is right is the favourable outcome here, whatever the loss.
    right = hunt.bounty.loss.rows(hunt.holdout.labels, hunt.holdout.base) < 0.25
    table = rows_of(hunt).assign(right=np.where(right, "yes", "no"))
    audit = eh.Audit(label="right", positive=["yes"], facets=["region"], draws=100)
    report = report_of_finds(hunt.store, hunt.bounty.name, audit, table)
    past = {finding.group for finding in report.findings if finding.verdict == "past"}
    assert {"age<20", "age<30"} <= {finding.group for finding in report.findings} and "age<30" in past
    assert report.notes[-1].startswith("2 groups of the bounty planted among the facets: the model was proven to serve")
