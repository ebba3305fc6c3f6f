"""Attacks: useless submissions are accepted no oftener than promised, useful ones are, and boosting learns nothing."""

import numpy as np
import pytest
from scipy.stats import binomtest

from evenhand.certificates.ladder import Ladder
from evenhand.core.certificate import Checker, CheckerName
from tests.certificates.attackers import HoldOut, Naive, composing_hunter, random_hunter
from tests.certificates.drawing import NAMES, PLAIN, Array, of, of_labels, spending

DELTA = 0.05


def holds(errors: int, runs: int, promised: float = DELTA, *, confidence: float = 0.95) -> bool:
    """Whether the promise is compatible with what happened (Clopper and Pearson)."""
    return bool(binomtest(errors, runs).proportion_ci(confidence, "exact").low <= promised)


def fooled_at_random(checker: Checker, runs: int) -> int:
    return sum(random_hunter(checker, seed, rows=2000, budget=100) > 0 for seed in range(runs))


def fooled_by_composing(checker: Checker, runs: int) -> int:
    return sum(composing_hunter(checker, seed, rows=4000, budget=100)[0] > 0 for seed in range(runs))


@pytest.mark.parametrize("name", PLAIN)
def test_useless_submissions_in_a_few_runs(name: CheckerName) -> None:
    assert holds(fooled_at_random(of(name, budget=100), 40), 40)
    assert holds(fooled_by_composing(of(name, budget=100), 30), 30)


@pytest.mark.slow
@pytest.mark.parametrize("name", PLAIN)
def test_useless_submissions_are_accepted_in_no_more_runs_than_promised(name: CheckerName) -> None:
    assert holds(fooled_at_random(of(name, budget=100), 400), 400)


@pytest.mark.slow
@pytest.mark.parametrize("name", PLAIN)
def test_composed_submissions_are_accepted_in_no_more_runs_than_promised(name: CheckerName) -> None:
    assert holds(fooled_by_composing(of(name, budget=100), 400), 400)


def test_the_attackers_are_attackers() -> None:
    # They fool the rules of the public implementations in most runs, and the verdicts they build on are acceptances.
    assert not holds(fooled_at_random(Naive(0.001), 20), 20, 0.5)
    assert not holds(fooled_by_composing(Naive(), 20), 20, 0.5)
    assert min(composing_hunter(of("paired-z", budget=100), seed, rows=4000, budget=100)[1] for seed in range(10)) > 2


def planted(numbers: np.random.Generator, *, rows: int, share: float, gap: float, base: float = 0.3) -> Array:
    """A group of this share, where one model errs by `gap` less often; errors are independent, the hardest case."""
    group = numbers.random(rows) < share
    worse, better = (numbers.random(rows) < base + half for half in (gap / 2, -gap / 2))
    return np.where(group, worse.astype(float) - better, 0.0)


def test_a_planted_certificate_is_accepted() -> None:
    numbers, checker = np.random.default_rng(0), of("paired-z")
    found = sum(checker.rule(planted(numbers, rows=5000, share=0.1, gap=0.3), spending()).accepted for _ in range(400))
    assert binomtest(found, 400).proportion_ci(0.95, "exact").low >= 0.95


ROWS = 4000


def boosted(held: HoldOut, numbers: np.random.Generator, submissions: int) -> Array:
    """The majority of those random answers to every row that a verdict called better, or of all if none was."""
    everyone, kept, sent = np.ones(ROWS, bool), np.zeros(ROWS), np.zeros(ROWS)
    for _ in range(submissions):
        answers = numbers.integers(0, 2, ROWS)
        sent += 2 * answers - 1
        if held.submit(everyone, answers):
            kept += 2 * answers - 1
    return np.asarray((kept if kept.any() else sent) > 0).astype(int)


@pytest.mark.parametrize("name", PLAIN)
def test_boosting_through_verdicts_learns_nothing(name: CheckerName) -> None:
    numbers = np.random.default_rng(3)
    held = HoldOut(of(name), numbers.integers(0, 2, ROWS), budget=1001)
    majority = boosted(held, numbers, 1000)
    assert not held.submit(np.ones(ROWS, bool), majority)
    assert held.accepted == 0
    assert (majority != held.labels).mean() >= 0.47
    assert (majority != numbers.integers(0, 2, ROWS)).mean() == pytest.approx(0.5, abs=0.03)


def climb(numbers: np.random.Generator, labels: Array, submissions: int, ladder: Ladder | None) -> float:
    """The number shown at last to a hunter who keeps what improved it (without a ladder: whatever beat one half)."""
    kept, state = np.zeros(ROWS), ladder
    for _ in range(submissions):
        answers = numbers.integers(0, 2, ROWS)
        losses = (answers != labels).astype(float)
        following = state.after(losses) if state else None
        better = losses.mean() < 0.5 if following is None else following.best != state.best if state else False
        kept += (2 * answers - 1) * better
        state = following
    losses = ((kept > 0) != labels).astype(float)
    return float(losses.mean()) if state is None else float(state.after(losses).best or 0)


@pytest.mark.parametrize("step", [None, 0.01])
def test_boosting_through_the_ladder_learns_nothing(step: float | None) -> None:
    labels = np.random.default_rng(4).integers(0, 2, ROWS)
    shown = [climb(np.random.default_rng(seed), labels, 1000, Ladder(step=step)) for seed in range(3)]
    assert 0.47 - 1e-9 <= min(shown) <= max(shown) <= 0.5  # a rounded 0.47 may lack the last bit
    # The same attack on a plain board shows what is not there: the truth is one half.
    assert climb(np.random.default_rng(0), labels, 1000, None) < 0.42


def drawn(numbers: np.random.Generator, rows: int, ties: float, gain: float) -> Array:
    """Differences of 0-1 losses, most of them ties, whose mean over the truth is `gain`."""
    differing = 1 - ties
    wins, losses, _ = numbers.multinomial(rows, [(differing + gain) / 2, (differing - gain) / 2, ties])
    return of_labels(rows, int(wins), int(losses))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("rows", "ties"), [(5000, 0.992), (2000, 0.97), (300, 0.5), (60, 0.0)])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_the_interval_covers_however_many_ties(name: CheckerName, rows: int, ties: float, share: float) -> None:
    # One question of a budget of one may err with a chance of delta / 2, on either side.
    numbers, checker, gain = np.random.default_rng(5), of(name, delta=0.1), share * (1 - ties)
    below = above = accepted = 0
    for _ in range(400):
        differences = drawn(numbers, rows, ties, gain)
        ruling = checker.rule(differences, spending(budget=1), seen=differences)
        below, above = below + (gain < ruling.low), above + (gain > ruling.high)
        accepted += ruling.accepted
    # Paired z comes within 0.4% of what is promised (60 rows: 4.6%, exactly), so that of 32 cases and two sides some
    # must lie outside 95% limits by chance; 99.9% limits are for all of them together.
    assert holds(below, 400, 0.05, confidence=0.999)
    assert holds(above, 400, 0.05, confidence=0.999)
    assert gain > 0 or holds(accepted, 400, 0.05, confidence=0.999)


def test_the_default_is_not_idle_in_its_promise() -> None:
    # A promise kept by never accepting would be no promise: at one question, paired z errs nearly as often as it may.
    numbers, checker = np.random.default_rng(6), of("paired-z", delta=0.1)
    wrong = sum(checker.rule(drawn(numbers, 2000, 0.5, 0.0), spending(budget=1)).accepted for _ in range(1000))
    assert 20 < wrong <= 70
