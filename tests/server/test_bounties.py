"""Bounties through the API: who may join, what is taken, what is told, and what never is."""

import io
import json
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from evenhand.bounty.judging.running import folder_of, next_beat
from evenhand.bounty.submissions.answering import answers_of
from evenhand.core.bounty import Verdict
from evenhand.models import load_model
from evenhand.server.settings import Hunting, Settings
from tests.bounty.opened import INVITATION, WRONGED, answers, as_parquet
from tests.server.conftest import RATES
from tests.server.hostile.sending import line_of
from tests.server.hunters import FAST, Hunt, hunting


@pytest.fixture
def hunt(tmp_path: Path) -> Iterator[Hunt]:
    with hunting(tmp_path) as made:
        yield made


def test_a_find_is_received_judged_told_and_merged(hunt: Hunt) -> None:
    taken = hunt.hand_in()
    assert taken.status_code == 202, taken.text
    assert (taken.json()["number"], taken.json()["state"], taken.json()["told"]) == (1, "waiting", "")
    job = hunt.judge()
    assert job is not None
    assert (job.kind, job.payload) == ("judge", {"bounty": "loans"})
    told = hunt.shown(1)
    assert (told["state"], told["version"], told["group"]) == ("accepted", 1, WRONGED)
    assert told["reward"] > 1
    seen = hunt.ask("GET", team="B").json()
    assert (seen["version"], seen["over"]) == (1, None)
    assert seen["left"] == {"scored": 1, "budget": 1000, "accepted": 1, "accept_at_most": 20, "waiting": 0}


def test_a_group_comes_as_text_or_as_a_tree(hunt: Hunt) -> None:
    tree = {"and": [{"column": "region", "op": "==", "value": "north"}, {"column": "age", "op": "<", "value": 30}]}
    assert hunt.hand_in(tree).json()["group"] == hunt.hand_in(WRONGED, team="B").json()["group"]
    # A column of texts that look like numbers: the text form alone would not tell which they are.
    coded = hunt.hand_in({"column": "code", "op": "==", "value": "1"}, content=answers(hunt.house.home, better=False))
    assert coded.status_code == 202
    hunt.judge()
    assert "holds texts" not in hunt.shown(3)["told"]
    assert [hunt.shown(number, team)["state"] for number, team in ((1, "A"), (2, "B"))] == ["accepted", "refused"]


def test_hunters_are_not_told_what_was_measured_and_the_owner_is(hunt: Hunt) -> None:
    hunt.hand_in()
    hunt.judge()
    told = hunt.shown(1)
    assert told["verdict"] is None
    allowed = {"number", "team", "kind", "group", "payload", "name", "received"}
    assert set(told) == allowed | {"state", "told", "version", "board", "reward", "judged", "verdict"}
    (listed,) = hunt.ask("GET", "/submissions", team="A").json()
    assert listed == told
    (owners,) = hunt.ask("GET", "/submissions", key="admin").json()
    assert owners["verdict"]["ruling"]["accepted"] is True
    assert hunt.ask("GET", "/submissions/1", key="admin").json() == owners


def test_submissions_of_others_are_not_there(hunt: Hunt) -> None:
    hunt.hand_in()
    for number in (1, 2):
        answer = hunt.ask("GET", f"/submissions/{number}", team="B")
        assert answer.status_code == 404
        assert line_of(answer) == f"There is no submission {number} of the team 'B' in 'loans'."
    assert hunt.ask("GET", "/submissions", team="B").json() == []
    assert hunt.ask("GET", "/submissions", key="read").status_code == 403


def test_the_files_hold_no_labels_and_are_for_teams(hunt: Hunt) -> None:
    hidden = parquet.read_table(io.BytesIO(hunt.ask("GET", "/files/hidden", team="A").content))
    assert hidden.column_names == ["id", "age", "region", "code"]
    public = parquet.read_table(io.BytesIO(hunt.ask("GET", "/files/public", team="A").content))
    assert public.column_names == ["age", "region", "code", "truth"]
    assert hunt.ask("GET", "/files/hidden", key="admin").status_code == 200
    assert hunt.ask("GET", "/files/hidden").status_code == 401
    assert line_of(hunt.ask("GET", "/files/hidden", key="hunt")).endswith("join it first.")
    for which in ("holdout.npz", "..%2f..%2fevenhand.db", "base", "secret"):
        assert hunt.ask("GET", f"/files/{which}", team="A").status_code in (404, 422)


def test_the_rules_do_not_tell_which_rows_prove(hunt: Hunt) -> None:
    shown = hunt.ask("GET", team="A")
    rules = shown.json()["rules"]
    assert "seed" not in rules
    assert (rules["budget"], rules["features"]) == (1000, ["age", "region", "code"])
    assert INVITATION not in shown.text


def test_a_team_joins_with_a_key_or_with_the_invitation(hunt: Hunt) -> None:
    mine = hunt.ask("POST", "/teams", key="hunt", json={"team": "C"})
    assert (mine.status_code, mine.json()["key"]) == (201, None)
    assert hunt.ask("GET", "/files/hidden", key="hunt").status_code == 200
    again = hunt.ask("POST", "/teams", key="hunt", json={"team": "D"})
    assert (again.status_code, "a team of this key" in line_of(again)) == (409, True)
    known = hunt.house.store.keys()
    kept = [key for key in known if key.name == "loans A"]
    assert [(key.scopes, key.revoked) for key in kept] == [(("hunt",), False)]
    names = [each["team"] for each in hunt.ask("GET", "/teams", team="A").json()]
    assert names == ["A", "B", "C"]
    # A key that may hunt sees bounties and nothing of the monitors.
    assert hunt.house.ask("GET", "/api/monitors", key=hunt.teams["A"]).status_code == 403
    assert hunt.house.ask("GET", "/api/bounties", key=hunt.teams["A"]).json() == ["loans"]
    assert hunt.house.ask("GET", "/api/session", key=hunt.teams["A"]).json()["scopes"] == ["hunt"]


JOINS: list[tuple[dict[str, Any], int, str]] = [
    ({"team": "C"}, 401, "needs an API key with the scope 'hunt', or the invitation"),
    ({"team": "C", "invitation": "guess"}, 403, "This is not the invitation of the bounty 'loans'"),
    ({"team": "a", "invitation": INVITATION}, 409, "The team 'A' is in 'loans' already"),
    ({"team": "../x", "invitation": INVITATION}, 422, "body.team"),
    ({"team": ".", "invitation": INVITATION}, 422, "body.team"),
    ({"team": "A\n", "invitation": INVITATION}, 422, "body.team"),
    ({"team": "", "invitation": INVITATION}, 422, "body.team"),
    ({"team": "x" * 65, "invitation": INVITATION}, 422, "body.team"),
    ({"team": "<b>", "invitation": INVITATION}, 422, "body.team"),
    ({"team": "C", "invitation": INVITATION, "scopes": ["admin"]}, 422, "body.scopes"),
]


@pytest.mark.parametrize(("wanted", "status", "said"), JOINS, ids=range(len(JOINS)))
def test_who_may_not_join_is_told_why(hunt: Hunt, wanted: dict[str, Any], status: int, said: str) -> None:
    before = hunt.house.store.keys()
    answer = hunt.ask("POST", "/teams", json=wanted)
    assert (answer.status_code, said in line_of(answer)) == (status, True), answer.text
    after = hunt.house.store.keys()
    assert [key for key in after if not key.revoked] == before
    assert len(hunt.house.store.teams("loans")) == 2


def test_joining_is_rate_limited(tmp_path: Path) -> None:
    with hunting(tmp_path, Settings(rates=RATES)) as hunt:  # which limits joins, and two have joined
        wanted = [{"team": f"T{number}", "invitation": INVITATION} for number in range(6)]
        statuses = [hunt.ask("POST", "/teams", json=each).status_code for each in wanted]
        assert statuses[:3] == [201] * 3
        assert statuses[-1] == 429
    with hunting(tmp_path / "guesses", Settings(rates=FAST.model_copy(update={"refused": 0.1}))) as hunt:
        guesses = [{"team": "C", "invitation": f"guess {number}"} for number in range(7)]
        assert hunt.ask("POST", "/teams", json=guesses[0]).status_code == 403
        assert [hunt.ask("POST", "/teams", json=each).status_code for each in guesses][-1] == 429


def test_the_same_again_names_the_earlier_one(hunt: Hunt) -> None:
    assert hunt.hand_in().json()["number"] == 1
    for _ in range(2):
        again = hunt.hand_in()
        assert (again.status_code, line_of(again)) == (
            409, "This is the same as submission 1; it was taken once, and counts once.",
        )  # fmt: skip
        hunt.judge()
    hunt.ask("POST", "/end", key="admin")
    assert "same as submission 1" in line_of(
        hunt.ask("POST", "/submissions", team="A", json={"group": WRONGED, "payload": hunt_payload(hunt)})
    )
    assert len(hunt.house.store.handed_in("loans")) == 1


def hunt_payload(hunt: Hunt) -> str:
    payload: str = hunt.house.store.handed_in("loans")[0].submission.file
    return payload


def test_what_failed_may_be_handed_in_again(hunt: Hunt) -> None:
    taken = hunt.hand_in().json()
    file = folder_of(hunt.house.home, "loans") / "files" / taken["payload"]
    file.unlink()  # as a disk that lost it
    hunt.judge()
    assert hunt.shown(1)["state"] == "failed"
    assert hunt.hand_in().json()["number"] == 2
    hunt.judge()
    assert hunt.shown(2)["state"] == "accepted"


def test_quotas_count_what_was_scored_and_what_waits(tmp_path: Path) -> None:
    with hunting(tmp_path, per_team=2, per_day=None) as hunt:
        assert hunt.hand_in("age>5000").status_code == 202  # has none of the rows: is not scored
        hunt.judge()
        assert hunt.shown(1)["state"] == "refused"
        coins = answers(hunt.house.home, better=False)
        taken = [hunt.hand_in(f"age>{age}", content=coins).status_code for age in (40, 50, 60)]
        assert taken == [202, 202, 403]
        refused = line_of(hunt.hand_in("age<60"))
        assert refused == "The team 'A' has used its 2 scored submissions, 2 of which wait."
        hunt.judge()
        assert line_of(hunt.hand_in("age<60")) == "The team 'A' has used its 2 scored submissions."
        assert hunt.hand_in("age<60", team="B").status_code == 202


def test_quotas_of_a_day(tmp_path: Path) -> None:
    with hunting(tmp_path, per_day=1) as hunt:
        assert hunt.hand_in("age<40").status_code == 202
        refused = hunt.hand_in("age<60")
        assert refused.status_code == 403
        assert "has used its 1 scored submissions of 24 hours, 1 of which wait; the next may come at 20" in line_of(
            refused
        )


def test_a_budget_is_never_overrun_and_its_end_is_named(tmp_path: Path) -> None:
    with hunting(tmp_path, budget=2) as hunt:
        coins = answers(hunt.house.home, better=False)
        taken = [hunt.hand_in(f"age>{age}", content=coins).status_code for age in (40, 50, 60)]
        assert taken == [202, 202, 409]
        assert "The submissions that wait may use up the budget of 2" in line_of(hunt.hand_in("age<60"))
        hunt.judge()
        spent = hunt.ask("PUT", "/payloads", team="A", content=b"x")
        assert (spent.status_code, "The hold-out has answered as many submissions" in line_of(spent)) == (409, True)
        payload = hunt_payload(hunt)
        again = hunt.ask("POST", "/submissions", team="A", json={"group": "age<60", "payload": payload})
        assert (again.status_code, "nothing more is scored" in line_of(again)) == (409, True)


def test_many_requests_at_once_do_not_overrun_a_quota(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with hunting(tmp_path, per_team=3) as hunt:
        payload = hunt.send(hunt.better())
        wanted = [{"group": f"age<{age}", "payload": payload} for age in range(30, 42)]
        with ThreadPoolExecutor(6) as pool:
            statuses = list(pool.map(lambda each: hunt.ask("POST", "/submissions", team="A", json=each), wanted))
        assert sorted(answer.status_code for answer in statuses) == [202] * 3 + [403] * 9
        assert [each.submission.number for each in hunt.house.store.handed_in("loans")] == [1, 2, 3]


def test_a_team_cannot_fill_the_queue(tmp_path: Path) -> None:
    with hunting(tmp_path, Settings(rates=FAST, hunting=Hunting(waiting=2))) as hunt:
        assert [hunt.hand_in(f"age<{age}").status_code for age in (40, 50, 60)] == [202, 202, 409]
        assert "2 submissions of the team 'A' wait" in line_of(hunt.hand_in("age<60"))
        assert hunt.hand_in("age<60", team="B").status_code == 202


def test_an_ended_bounty_takes_nothing_and_judges_what_waits(hunt: Hunt) -> None:
    hunt.hand_in()
    payload = hunt_payload(hunt)
    assert hunt.ask("POST", "/end", team="A").status_code == 403
    ended = hunt.ask("POST", "/end", key="admin")
    assert ended.json()["over"] == "The bounty 'loans' has ended; it takes nothing more."
    wanted = {"group": "age<30", "payload": payload}
    for answer in (
        hunt.ask("POST", "/submissions", team="A", json=wanted),
        hunt.ask("PUT", "/payloads", team="A", content=b"x"),
        hunt.ask("POST", "/teams", json={"team": "C", "invitation": INVITATION}),
    ):
        assert (answer.status_code, line_of(answer)) == (409, "The bounty 'loans' has ended; it takes nothing more.")
    hunt.judge()
    assert hunt.shown(1)["state"] == "accepted"


def test_a_bounty_closes_at_its_time(tmp_path: Path) -> None:
    with hunting(tmp_path, teams="", closes=datetime.now(UTC) - timedelta(seconds=4)) as hunt:
        key = hunt.house.store.key_of(hunt.house.keys["hunt"])
        hunt.house.store.join("loans", "A", key.id)
        for answer in (
            hunt.ask("PUT", "/payloads", key="hunt", content=b"x"),
            hunt.ask("POST", "/submissions", key="hunt", json={"group": "age<30", "payload": "0" * 64}),
            hunt.ask("POST", "/teams", json={"team": "B", "invitation": INVITATION}),
        ):
            assert (answer.status_code, "The bounty 'loans' closed at 20" in line_of(answer)) == (409, True)


def test_a_verdict_is_told_at_its_moment_and_not_before(hunt: Hunt) -> None:
    hunt.hand_in()
    at = datetime.now(UTC) + timedelta(seconds=1.5)
    verdict = Verdict(number=1, state="refused", told="No.", scored=True, judged=at)
    assert hunt.house.store.end_submission("loans", verdict)
    assert hunt.shown(1, wait=0)["state"] == "waiting"
    began = time.monotonic()
    told = hunt.shown(1, wait=10)
    assert datetime.now(UTC) >= at
    assert (told["state"], told["told"], time.monotonic() - began < 5) == ("refused", "No.", True)


def test_the_moment_of_a_verdict_is_settled_before_labels_are_read() -> None:
    for read in (0.0, 0.24, 0.2500001, 1.1, 1e9 + 0.3):
        told = next_beat(read)
        assert (told / 0.5).is_integer()
        assert 0.25 < told - read + 1e-6 <= 0.75 + 1e-6


def test_long_polls_end(hunt: Hunt) -> None:
    hunt.hand_in()
    began = time.monotonic()
    assert hunt.shown(1, wait=1)["state"] == "waiting"
    assert 0.9 <= time.monotonic() - began < 3
    for wait in ("31", "-1", "nan", "inf", "x"):
        assert hunt.ask("GET", f"/submissions/1?wait={wait}", team="A").status_code == 422


def test_the_contest_shows_finds_and_hides_what_others_sent(hunt: Hunt) -> None:
    hunt.hand_in("region=south & age>5000")
    hunt.hand_in(team="B")
    hunt.judge()
    time.sleep(1)
    contest = hunt.ask("GET", "/contest", team="B").json()
    assert contest["owners"] is None
    assert [(find["team"], find["group"]) for find in contest["finds"]] == [("B", WRONGED)]
    assert {each["number"]: bool(each["told"]) for each in contest["feed"]} == {1: False, 2: True}
    assert "age>5000" not in json.dumps(contest)
    owners = hunt.ask("GET", "/contest", key="admin").json()
    assert [each["number"] for each in owners["owners"]["rulings"]] == [2]
    assert all(each["told"] for each in owners["feed"])


def test_the_owner_takes_the_model_and_the_log(hunt: Hunt, tmp_path: Path) -> None:
    hunt.hand_in()
    hunt.judge()
    for path in ("/model", "/export"):
        assert hunt.ask("GET", path, team="A").status_code == 403
    for version, label in ((0, "no"), (None, "yes")):
        got = hunt.ask("GET", "/model", key="admin", params={} if version is None else {"version": version})
        assert got.status_code == 200, got.text
        out = tmp_path / f"model {version}"
        zipfile.ZipFile(io.BytesIO(got.content)).extractall(out)
        hidden = parquet.read_table(folder_of(hunt.house.home, "loans") / "hidden.parquet").to_pandas()
        young = hidden[(hidden.region == "north") & (hidden.age < 30)].assign(base="no")
        given = answers_of(load_model(out / "loans"), young, hunt.bounty.loss, hunt.bounty.classes)
        assert [hunt.bounty.classes[place] for place in set(given.tolist())] == [label]
    missing = hunt.ask("GET", "/model?version=9", key="admin")
    assert (missing.status_code, "9" in line_of(missing)) == (404, True)
    lines = [json.loads(line) for line in hunt.ask("GET", "/export", key="admin").text.splitlines()]
    assert [line["kind"] for line in lines] == ["bounty", "team", "team", "submission", "contest"]
    assert lines[3]["content"]["verdict"]["state"] == "accepted"


def test_unknown_bounties_are_named(hunt: Hunt) -> None:
    for method, path in (
        ("GET", ""),
        ("GET", "/contest"),
        ("GET", "/teams"),
        ("GET", "/submissions"),
        ("POST", "/end"),
    ):
        answer = hunt.house.ask(method, f"/api/bounties/loan{path}", key="admin")
        assert (answer.status_code, line_of(answer)) == (404, "No bounty 'loan'. Did you mean 'loans'?")


def test_a_file_without_a_bounty_of_its_ids_is_refused_when_judged(hunt: Hunt) -> None:
    content = as_parquet({"id": ["nobody"], "prediction": ["yes"]})
    hunt.hand_in(content=content)
    hunt.judge()
    told = hunt.shown(1)
    assert (told["state"], "nobody" in told["told"]) == ("refused", True)
