"""The contest: what everybody sees of a bounty, kept up to date verdict by verdict, and what only its owner sees."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from evenhand.bounty.contest.board_groups import group_error, named_groups, resampled
from evenhand.bounty.contest.facts import Contest
from evenhand.bounty.contest.scoreboard import Scoreboard
from evenhand.bounty.proving.holdout import BOARD, CHECK
from evenhand.bounty.proving.judge import FULL
from evenhand.bounty.submissions.sandbox import Sandbox
from evenhand.core.bounty import Submission, Verdict
from evenhand.core.loss import Loss
from tests.bounty.hunted import Hunt, better, hunt_in, planted, useless

FACETS = ("region", "age@30", "truth=1 & age<40")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hunt, Scoreboard, list[Contest]]]:
    """A bounty, its scoreboard from the beginning, and the contest after each submission."""
    with Sandbox() as sandbox:
        opening = planted("accuracy", facets=FACETS, accept_at_most=2)
        hunt = hunt_in(tmp_path_factory.mktemp("played"), sandbox, opening)
        board = Scoreboard(hunt.store, hunt.folder, sandbox)
        seen = [board.contest(owner=True)]
        young = np.asarray(hunt.holdout.columns["age"]) < 20
        truth = better(hunt)
        sends = [
            ("B", "age>=18", useless(hunt, 1)), ("A", "age<20", truth), ("C", "noise<0.001", truth),
            ("B", "age<30 & (noise<2 | region=north)", np.where(young, 1 - truth, truth)),
        ]  # fmt: skip
        for each in sends:
            hunt.try_(*each)
            seen.append(board.contest(owner=True))
        yield hunt, board, seen


def test_a_scoreboard_that_was_there_all_along_shows_what_a_new_one_shows(
    played: tuple[Hunt, Scoreboard, list[Contest]],
) -> None:
    hunt, board, seen = played
    assert [each.left.scored for each in seen] == [0, 1, 2, 2, 3]
    assert (
        Scoreboard(hunt.store, hunt.folder, hunt.sandbox).contest(owner=True) == seen[-1] == board.contest(owner=True)
    )
    assert Contest.model_validate_json(seen[-1].model_dump_json()) == seen[-1]


def test_the_leaderboard_counts_points_finds_and_own_lists(played: tuple[Hunt, Scoreboard, list[Contest]]) -> None:
    hunt, _, seen = played
    standings = {each.team: each for each in seen[-1].standings}
    rewards = {each.number: each.reward for each in hunt.verdicts}
    assert [each.place for each in seen[-1].standings] == [1, 2, 3]
    assert seen[-1].standings[0].team == "B" and seen[-1].standings[2].team == "C"
    assert standings["A"].points == rewards[2] and standings["B"].points == rewards[4]
    assert standings["B"].points == pytest.approx(1 + 1000 * standings["B"].reduction)
    assert (standings["B"].submitted, standings["B"].scored, standings["B"].accepted) == (2, 2, 1)
    assert (standings["C"].submitted, standings["C"].scored, standings["C"].value) == (1, 0, None)
    assert standings["A"].value == hunt.verdicts[1].board


def test_the_time_line_is_the_metric_on_the_rows_of_the_board(played: tuple[Hunt, Scoreboard, list[Contest]]) -> None:
    hunt, _, seen = played
    versions = hunt.judge._parts[BOARD].versions
    line = seen[-1].timeline
    assert [each.number for each in line] == [None, 2, 4]
    assert [each.error for each in line] == [1 - float(versions.losses[each.version].mean()) for each in line]
    assert line[-1].version == versions.list.version == 2 + hunt.verdicts[-1].repairs
    assert seen[1].timeline == line[:1], "a refusal shows nothing new"


def test_groups_of_the_rules_are_measured_before_and_now_with_intervals(
    played: tuple[Hunt, Scoreboard, list[Contest]],
) -> None:
    hunt, _, seen = played
    groups = {each.group: each for each in seen[-1].groups}
    assert list(groups) == [
        "region=east", "region=north", "region=south", "age<30", "age>=30", "truth=1 & age<40",
        "~(truth=1 & age<40)",
    ]  # fmt: skip
    versions, rows = hunt.judge._parts[BOARD].versions, hunt.holdout.rows(BOARD)
    young = groups["age<30"]
    inside = hunt.mask("age<30")[rows]
    assert young.rows == inside.sum() and young.base == pytest.approx(1 - versions.losses[0][inside].mean())
    assert young.now == pytest.approx(1 - versions.losses[-1][inside].mean())
    assert young.now is not None and young.base is not None and young.change is not None
    assert young.interval is not None and young.interval.method == "wilson"
    assert young.interval.low < young.now < young.interval.high
    assert young.change == pytest.approx(young.now - young.base) and young.change > 0.3
    assert young.change_interval is not None and 0 < young.change_interval.low < young.change
    old = groups["age>=30"]
    assert old.change == 0 and old.base == old.now
    assert seen[1].groups == seen[0].groups, "a refusal shows nothing new"


def test_the_heat_map_counts_features_that_groups_depend_on(played: tuple[Hunt, Scoreboard, list[Contest]]) -> None:
    _, _, seen = played
    usage = seen[-1].usage
    assert usage.teams == ("B", "A", "C") and set(usage.features) == {"age", "truth", "noise", "region"}
    cells = {(team, feature): cell for feature, row in zip(usage.features, usage.cells, strict=True)
             for team, cell in zip(usage.teams, row, strict=True)}  # fmt: skip
    # age>=18 is everybody, and noise<2 | region=north too: neither says anything of people.
    assert cells["B", "age"].share == 0.5 and cells["B", "noise"].share == cells["B", "region"].share == 0
    assert cells["A", "age"].share == cells["A", "age"].accepted == 1 and cells["C", "noise"].accepted is None
    assert cells["A", "age"].reduction == seen[-1].finds[0].reduction > 0


def test_the_feed_is_newest_first_and_a_team_may_ask_for_its_own(
    played: tuple[Hunt, Scoreboard, list[Contest]],
) -> None:
    hunt, board, seen = played
    assert [each.number for each in seen[-1].feed] == [4, 3, 2, 1]
    assert [each.told for each in seen[-1].feed] == [each.told for each in reversed(hunt.verdicts)]
    assert [each.number for each in board.contest(team="B", feed=1).feed] == [4]
    assert [each.number for each in board.contest(team="A").feed] == [2]


def test_what_remains_is_told_and_ends(played: tuple[Hunt, Scoreboard, list[Contest]]) -> None:
    _, _, seen = played
    assert seen[-2].left.closed is None and seen[-1].left.closed == FULL
    assert (seen[-1].left.accepted, seen[-1].left.accept_at_most, seen[-1].left.waiting) == (2, 2, 0)


def test_hunters_see_no_number_of_the_rows_of_proof(played: tuple[Hunt, Scoreboard, list[Contest]]) -> None:
    """Rulings are the owner's; and with other labels on the rows of proof alone, hunters would see the same."""
    hunt, board, seen = played
    shown = board.contest().model_dump_json()
    assert board.contest().owners is None and seen[-1].owners is not None
    for ruled in seen[-1].owners.rulings:
        assert ruled.ruling is not None
        for number in (ruled.ruling.gain, ruled.ruling.low, ruled.ruling.high, ruled.ruling.bar):
            assert json.dumps(number) not in shown
    again = Scoreboard(hunt.store, hunt.folder, hunt.sandbox)
    rows = hunt.holdout.rows(CHECK)
    again.holdout.labels[rows] = 1 - again.holdout.labels[rows]
    assert again.contest() == board.contest()


def test_the_owner_sees_the_bar_rise_and_who_gained(played: tuple[Hunt, Scoreboard, list[Contest]]) -> None:
    hunt, _, seen = played
    first, last = seen[0].owners, seen[-1].owners
    assert first is not None and last is not None
    assert [each.accepted for each in last.bars] == [0, 1]
    gains = [each.gain for each in last.bars]
    assert gains == sorted(gains) and first.now == last.bars[0]
    assert last.now.accepted == 2 and last.now.gain == hunt.judge.bar() > gains[-1]
    assert [each.number for each in last.rulings] == [4, 2, 1]
    assert last.best[0].group == "age<30" and (last.best[0].change or 0) > (last.worst[0].change or 0)


def test_what_waits_is_shown_as_waiting_and_later_with_its_verdict(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        hunt = hunt_in(tmp_path, sandbox, planted())
        board = Scoreboard(hunt.store, hunt.folder, sandbox)
        submission = hunt.send("A", "age<30", better(hunt))
        waiting = board.contest()
        assert (waiting.feed[0].state, waiting.left.waiting, waiting.standings[0].submitted) == ("waiting", 1, 1)
        verdict = Verdict(number=submission.number, state="failed", told="It took longer than 60 seconds.")
        assert hunt.store.end_submission(hunt.bounty.name, verdict)
        ended = board.contest()
        assert (ended.feed[0].state, ended.feed[0].told, ended.left.waiting) == ("failed", verdict.told, 0)
        assert ended.standings[0].submitted == 1 and ended.standings[0].scored == 0


@pytest.mark.slow
def test_a_page_of_a_bounty_with_thousands_of_submissions_costs_what_is_new(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        hunt = hunt_in(tmp_path, sandbox, planted(facets=FACETS, budget=5000))
        for place in range(2000):
            text = f"age>={18 + place % 40} & noise<{0.1 + place % 7 / 10:.1f}"
            submission = Submission.model_validate(
                {"number": 1, "team": f"T{place % 50}", "kind": "predictions", "group": text, "digest": str(place),
                 "received": "2026-01-01T00:00:00Z"}
            )  # fmt: skip
            number = hunt.store.hand_in(hunt.bounty.name, submission).number
            hunt.store.end_submission(
                hunt.bounty.name, Verdict(number=number, state="refused", told="Not proven.", scored=True, board=0.2)
            )
        board = Scoreboard(hunt.store, hunt.folder, sandbox)
        board.contest()
        began = time.process_time()
        for _ in range(20):
            contest = board.contest()
        assert (time.process_time() - began) / 20 < 0.1
        assert contest.left.scored == 2000 and len(contest.standings) == 50


@pytest.mark.parametrize("text", ["squared:2", "log"])
def test_errors_of_other_losses_have_intervals_by_resampling_in_units_of_the_metric(text: str) -> None:
    loss, numbers = Loss.parse(text), np.random.default_rng(0)
    base, now = numbers.uniform(0.4, 0.8, 300), numbers.uniform(0.1, 0.5, 300)
    found = group_error("", "g", loss, base, now)
    assert found.interval is not None and found.interval.method == "bootstrap"
    assert found.now == pytest.approx(loss.shown(float(now.mean())))
    assert found.interval.low < (found.now or 0) < found.interval.high
    assert found.change == pytest.approx(loss.shown(float(now.mean())) - loss.shown(float(base.mean())))
    assert found.change_interval is not None and found.change_interval.high < 0


def test_the_resampled_interval_of_a_mean_covers_as_often_as_it_says() -> None:
    numbers = np.random.default_rng(1)
    inside = 0
    for _ in range(400):
        low, high = resampled(numbers.choice([-1.0, 0.0, 1.0], 80, p=[0.1, 0.6, 0.3]))
        inside += low <= 0.2 <= high
    assert 0.91 <= inside / 400 <= 0.985


def test_facets_of_many_numbers_are_cut_at_their_quartiles_and_of_many_values_kept_to_the_frequent() -> None:
    numbers = np.random.default_rng(0)
    columns = {"pay": numbers.random(400), "town": np.array([f"t{place % 100}" for place in range(400)], object)}
    found = named_groups(("pay", "town"), columns)
    assert sum(facet == "pay" for facet, _ in found) == 4 and sum(facet == "town" for facet, _ in found) == 30


def test_a_group_without_rows_has_no_error() -> None:
    found = group_error("f", "g", Loss(), np.empty(0), np.empty(0))
    assert (found.rows, found.now, found.interval, found.change) == (0, None, None, None)
