"""The judge, end to end: what is better is accepted, what is not is refused, and the log gives the same again."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evenhand.bounty.judging.replaying import replayed
from evenhand.bounty.judging.running import Running
from evenhand.bounty.proving.holdout import BOARD, CHECK, REPAIR
from evenhand.bounty.proving.judge import ACCEPTED, FULL, SPENT, UNPROVEN, Judge
from evenhand.bounty.proving.opening import Opening
from evenhand.bounty.submissions.sandbox import Sandbox
from evenhand.core.bounty import Submission, Verdict
from evenhand.core.errors import DataError
from evenhand.models.decision_list import ToVersion
from tests.bounty.hunted import Hunt, better, coded_answers, hunt_in, planted, useless


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as found:
        yield found


@pytest.fixture
def hunt(tmp_path: Path, sandbox: Sandbox) -> Hunt:
    return hunt_in(tmp_path, sandbox, planted())


@pytest.mark.parametrize(
    ("loss", "classes"),
    [("zero-one", 2), ("zero-one", 4), ("accuracy", 3), ("top:2", 4), ("log", 3), ("squared:1", 2), ("absolute:2", 3)],
)
def test_of_every_loss_the_planted_find_is_accepted_and_useless_ones_are_refused(
    tmp_path: Path, sandbox: Sandbox, loss: str, classes: int
) -> None:
    hunt = hunt_in(tmp_path, sandbox, planted(loss, classes=classes))
    for seed in range(3):
        assert hunt.try_("B", "age>=18", useless(hunt, seed)).state == "refused"
    found = hunt.try_("A", "age<30", better(hunt))
    assert (found.state, found.told, found.version) == ("accepted", ACCEPTED, 1)
    assert found.after is not None and found.before is not None and found.after < found.before
    assert hunt.try_("B", "age>=18", useless(hunt, 9)).told == UNPROVEN


def test_a_find_on_real_people_is_accepted_and_each_part_of_the_hold_out_gains(
    tmp_path: Path, sandbox: Sandbox, real_tables: Path
) -> None:
    table = pd.read_csv(real_tables / "adult.csv").head(9000)
    table["said"] = "<=50K"
    opening = Opening(
        name="adult", data=table, label="income-per-year", predicted=("said",), rules={"budget": 50, "seed": 1}
    )
    hunt = hunt_in(tmp_path, sandbox, opening)
    group = "marital-status=Married-civ-spouse & education-num>=13"
    before = [hunt.judge._parts[part].versions.mean for part in (CHECK, REPAIR, BOARD)]
    verdict = hunt.try_("A", group, hunt.mask(group).astype(int))
    assert verdict.state == "accepted" and verdict.ruling is not None and verdict.ruling.low > 0
    after = [hunt.judge._parts[part].versions.mean for part in (CHECK, REPAIR, BOARD)]
    assert all(new < old for new, old in zip(after, before, strict=True))
    # Coins for women, of whom most earn less: worse than what is there.
    coins = np.random.default_rng(0).integers(2, size=len(hunt.holdout))
    assert hunt.try_("B", "sex=Female", coins).state == "refused"


def test_the_mean_loss_falls_by_exactly_the_weighted_gain(hunt: Hunt) -> None:
    answers, mask = better(hunt), hunt.mask("age<30")
    rows = hunt.holdout.rows(REPAIR)
    lost = hunt.bounty.loss.rows(hunt.holdout.labels[rows], hunt.holdout.base[rows])
    gained = hunt.bounty.loss.rows(hunt.holdout.labels[rows], answers[rows])
    gain = float(np.where(mask[rows], lost - gained, 0).mean())
    start = hunt.judge.list.mean
    verdict = hunt.try_("A", "age<30", answers)
    assert start - hunt.judge.list.mean == pytest.approx(gain, abs=1e-12)
    assert verdict.reward == pytest.approx(1 + 1000 * gain, abs=1e-9)


@pytest.mark.parametrize("loss", ["accuracy", "squared:1", "log"])
def test_no_accepted_group_is_ever_worse_on_the_rows_of_repair(tmp_path: Path, sandbox: Sandbox, loss: str) -> None:
    hunt = hunt_in(tmp_path, sandbox, planted(loss, rows=16_000))
    truth = np.asarray(hunt.holdout.columns["truth"]).astype(int)
    labels = hunt.judge.list
    served: list[list[float]] = []
    # The second is right for those under thirty and wrong for those under twenty, so it takes back.
    young = np.asarray(hunt.holdout.columns["age"]) < 20
    sends = [("age<20", truth), ("age<30", np.where(young, 1 - truth, truth)), ("age>=30", truth)]
    for group, places in sends:
        hunt.try_("A", group, coded_answers(hunt, places))
        now = [labels.now(place) for place in range(len(labels.groups))]
        served.append(now)
        assert all(labels.now(place) <= labels.best(place) + 1e-9 for place in range(len(labels.groups)))
    assert [each.state for each in hunt.verdicts] == ["accepted"] * 3
    assert hunt.verdicts[1].repairs >= 1
    assert any(isinstance(node, ToVersion) for node in labels.list.nodes)
    assert all(later[0] <= served[0][0] + 1e-9 for later in served)


def test_the_log_replays_to_the_last_bit(hunt: Hunt) -> None:
    _busy(hunt)
    again = Running(hunt.store, hunt.folder, hunt.sandbox).judge
    assert again.list.list == hunt.judge.list.list
    for part in (CHECK, REPAIR, BOARD):
        for old, new in zip(hunt.judge._parts[part].versions.answers, again._parts[part].versions.answers, strict=True):
            assert old.tobytes() == new.tobytes()
    assert again._teams.keys() == hunt.judge._teams.keys()
    for team, own in hunt.judge._teams.items():
        assert again._teams[team].newest.tobytes() == own.newest.tobytes()
    assert (again.scored, again.accepted, again.bar()) == (hunt.judge.scored, hunt.judge.accepted, hunt.judge.bar())
    assert replayed(hunt.store, hunt.folder, hunt.sandbox).same == len(hunt.verdicts)


def test_a_log_whose_files_were_changed_does_not_replay(hunt: Hunt) -> None:
    _busy(hunt)
    handed = next(each for each in hunt.store.handed_in("planted") if each.verdict and each.verdict.state == "accepted")
    other = hunt.store.handed_in("planted")[-1].submission.file
    content = (hunt.folder / "files" / other).read_bytes()
    (hunt.folder / "files" / handed.submission.file).write_bytes(content)
    with pytest.raises(DataError, match=r"does not replay: .* the files of the bounty were changed"):
        Running(hunt.store, hunt.folder, hunt.sandbox)
    (hunt.folder / "files" / handed.submission.file).unlink()
    with pytest.raises(DataError, match=r"Submission \d+, which was accepted, cannot be read again: Its file is gone"):
        Running(hunt.store, hunt.folder, hunt.sandbox)


def test_lists_of_teams_are_their_own(hunt: Hunt) -> None:
    answers = better(hunt)
    first = hunt.try_("A", "age<30", answers)
    assert first.state == "accepted" and first.private
    # Most of it the global list has already, but to the list of another team it is new.
    assert hunt.try_("B", "age<40", answers).private
    assert hunt.judge._teams["B"].list.version == 1
    assert hunt.judge._teams["A"].mean != hunt.judge._teams["B"].mean
    before = hunt.judge._teams["A"].mean
    assert hunt.try_("B", "age>=40", answers).scored
    assert hunt.judge._teams["A"].mean == before


def test_the_number_of_a_team_is_that_of_its_own_list_and_only_moves_when_that_became_better(hunt: Hunt) -> None:
    base = float(hunt.bounty.loss.rows(*_of(hunt, BOARD)).mean())
    nothing = [hunt.try_("B", "age>=18", useless(hunt, seed)).board for seed in range(5)]
    assert nothing == [pytest.approx(base)] * 5
    after = hunt.try_("B", "age<30", better(hunt)).board
    assert after is not None and after < base and after == pytest.approx(hunt.judge._teams["B"].mean)
    assert hunt.try_("B", "age>=18", useless(hunt, 9)).board == after


def test_what_is_refused_for_its_rows_alone_costs_nothing_and_asks_no_label(hunt: Hunt) -> None:
    few = hunt.try_("A", "noise<0.001", better(hunt))
    same = hunt.try_("A", "age<30", np.asarray(hunt.holdout.base))
    assert few.told == "The group has fewer than 30 of the rows that prove; take a larger group."
    assert same.told == "The answers differ from the current model's in fewer than 30 of the rows that prove."
    assert not few.scored and not same.scored and hunt.judge.scored == 0
    assert few.board is None and few.ruling is None
    # With other labels the judge says the same: it did not look.
    turned = Judge(hunt.bounty, replace(hunt.holdout, labels=1 - hunt.holdout.labels))
    assert turned._unworthy(_Asked(hunt.mask("noise<0.001"), better(hunt))) == few.told


def test_everything_that_labels_decide_is_refused_in_the_same_words(hunt: Hunt) -> None:
    told = {hunt.try_("B", f"age>={18 + seed}", useless(hunt, seed)).told for seed in range(4)}
    # Better on the rows of proof, but not by enough for the rules.
    dear = replace(hunt, judge=Judge(hunt.bounty.model_copy(update={"least_gain": 0.9}), hunt.holdout))
    assert {*told, dear.try_("A", "age<30", better(hunt)).told} == {UNPROVEN}


def test_the_budget_and_the_number_of_finds_end_the_scoring(tmp_path: Path, sandbox: Sandbox) -> None:
    hunt = hunt_in(tmp_path, sandbox, planted(name="spent", budget=2))
    assert [hunt.try_("B", "age>=18", useless(hunt, seed)).scored for seed in range(3)] == [True, True, False]
    assert hunt.verdicts[-1].told == SPENT == hunt.judge.closed
    full = hunt_in(tmp_path, sandbox, planted(name="full", accept_at_most=1))
    assert full.judge.closed is None
    assert full.try_("A", "age<30", better(full)).state == "accepted"
    last = full.try_("A", "age<40", better(full))
    assert (last.told, last.scored, last.private) == (FULL, False, False)


def test_the_bar_rises_with_each_find_on_one_fold(hunt: Hunt) -> None:
    first = hunt.judge.bar()
    hunt.try_("A", "age<30", better(hunt))
    assert hunt.judge.bar() > first


def test_fresh_folds_prove_on_rows_that_no_find_was_proven_on(tmp_path: Path, sandbox: Sandbox) -> None:
    opening = planted(rows=12_000, fresh_folds=True, accept_at_most=3)
    hunt = hunt_in(tmp_path, sandbox, opening)
    folds = []
    for group in ("age<24", "24<=age<30"):
        folds.append(set(hunt.judge._fold().tolist()))
        verdict = hunt.try_("A", group, better(hunt))
        assert verdict.state == "accepted" and verdict.ruling is not None
        assert verdict.ruling.rows == len(folds[-1])
    assert not folds[0] & folds[1]
    assert len(folds[0] | folds[1]) < len(hunt.holdout.rows(CHECK))
    # Each fold meets budget questions at most, so that what a question costs falls by the number of finds alone.
    first, second = (each.ruling.confidence for each in hunt.verdicts if each.ruling is not None)
    assert first == pytest.approx(0.05 / (1 * 2 * 100)) and second == pytest.approx(0.05 / (2 * 3 * 100))


def test_thresholdout_compares_with_the_board_and_counts_its_looks_when_it_replays(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    hunt = hunt_in(tmp_path, sandbox, planted(rows=20_000, checker="thresholdout", budget=10, accept_at_most=3))
    for seed in range(2):
        assert hunt.try_("B", "age>=18", useless(hunt, seed)).state == "refused"
    found = hunt.try_("A", "age<30", better(hunt))
    assert found.ruling is not None and found.ruling.bar < 1
    assert (found.state == "accepted") == (found.ruling.gain > found.ruling.bar)
    again = Running(hunt.store, hunt.folder, hunt.sandbox).judge
    assert again.looks == hunt.judge.looks == sum(each.ruling.looked for each in hunt.verdicts if each.ruling)


def test_a_list_of_a_team_pays_for_rows_that_it_keeps_even_where_proofs_get_fresh_ones(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    hunt = hunt_in(tmp_path, sandbox, planted(fresh_folds=True, accept_at_most=3))
    mask, answers = hunt.mask("noise<0.25"), better(hunt)
    lax, strict = (Judge(hunt.bounty, hunt.holdout) for _ in range(2))
    strict._taken["A"] = 8  # after which the same rows may have met very many questions
    submission = Submission.model_validate(
        {"number": 1, "team": "A", "kind": "predictions", "group": "noise<0.25", "digest": "0",
         "received": "2026-01-01T00:00:00Z"}
    )  # fmt: skip
    assert lax._took(submission, _Asked(mask, answers))
    assert not strict._took(submission, _Asked(mask, answers))


class _Asked:
    def __init__(self, mask: np.ndarray, answers: np.ndarray) -> None:
        self.mask, self.answers = mask, answers


def _of(hunt: Hunt, part: int) -> tuple[np.ndarray, np.ndarray]:
    rows = hunt.holdout.rows(part)
    return hunt.holdout.labels[rows], hunt.holdout.base[rows]


def _busy(hunt: Hunt) -> list[Verdict]:
    truth = np.asarray(hunt.holdout.columns["truth"]).astype(int)
    young = np.asarray(hunt.holdout.columns["age"]) < 20
    hunt.try_("B", "age>=18", useless(hunt, 1))
    hunt.try_("A", "age<20", truth)
    hunt.try_("B", "age<30", np.where(young, 1 - truth, truth))
    hunt.try_("C", "noise<0.001", truth)
    hunt.try_("C", "age<30", truth)
    hunt.try_("C", "age>=18", useless(hunt, 2))
    assert {each.state for each in hunt.verdicts} == {"accepted", "refused"}
    return hunt.verdicts
