"""Checkers: laws that all of them obey, and what each does at the edges."""

import json

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import log_ndtr
from scipy.stats import binom

from evenhand.certificates.bernstein import Bernstein
from evenhand.certificates.hoeffding import Hoeffding
from evenhand.certificates.paired_z import LEAST_DISCORDANT, PairedZ
from evenhand.certificates.thresholdout import Thresholdout
from evenhand.core.certificate import CheckerName, Ruling
from evenhand.core.errors import DataError
from tests.certificates.drawing import NAMES, PLAIN, Array, any_differences, label_differences, of, of_labels, spending

deviations = st.floats(0.01, 1)
rows = st.integers(2, 10**7)


def test_a_bounty_has_the_checker_that_it_names() -> None:
    kinds = [type(of(name)) for name in NAMES]
    assert kinds == [PairedZ, Bernstein, Hoeffding, Thresholdout]


@pytest.mark.parametrize("name", NAMES)
@given(rows=rows, deviation=deviations, accepted=st.integers(0, 50))
def test_the_bar_rises_with_what_was_accepted(name: CheckerName, rows: int, deviation: float, accepted: int) -> None:
    before, after = (of(name).bar(spending(k), rows=rows, deviation=deviation) for k in (accepted, accepted + 1))
    assert before < after <= 1 or before == after == 1


@pytest.mark.parametrize("name", NAMES)
@given(rows=rows, more=st.integers(1, 10**6), deviation=deviations)
def test_more_rows_lower_the_bar(name: CheckerName, rows: int, more: int, deviation: float) -> None:
    few, many = (of(name).bar(spending(2), rows=n, deviation=deviation) for n in (rows, rows + more))
    assert many < few or many == few == 1


@pytest.mark.parametrize("name", NAMES)
@given(rows=rows, deviation=deviations, accepted=st.integers(1, 50))
def test_a_fresh_fold_is_cheaper_after_the_first_acceptance(
    name: CheckerName, rows: int, deviation: float, accepted: int
) -> None:
    def bars(accepted: int) -> list[float]:
        at = spending(accepted)
        return [of(name, fresh_folds=fresh).bar(at, rows=rows, deviation=deviation) for fresh in (True, False)]

    fresh, kept = bars(0)
    assert fresh == kept
    fresh, kept = bars(accepted)
    assert fresh < kept or kept == 1


@pytest.mark.parametrize("name", PLAIN)
@given(differences=label_differences(), accepted=st.integers(0, 5))
def test_accepted_is_above_the_bar_that_the_owner_saw(name: CheckerName, differences: Array, accepted: int) -> None:
    checker, spent = of(name), spending(accepted)
    assume(np.count_nonzero(differences) >= LEAST_DISCORDANT)
    bar = checker.bar(spent, rows=len(differences), deviation=float(differences.std(ddof=1)))
    assert checker.rule(differences, spent).accepted == (differences.mean() > bar)


@pytest.mark.parametrize("name", PLAIN)
@given(differences=any_differences(), accepted=st.integers(0, 5))
def test_accepted_means_that_the_interval_is_above_zero(name: CheckerName, differences: Array, accepted: int) -> None:
    ruling = of(name).rule(differences, spending(accepted))
    assert -1 <= ruling.low <= ruling.gain <= ruling.high <= 1
    assert ruling.gain == pytest.approx(differences.mean())
    assert (ruling.accepted, ruling.rows) in ((ruling.low > 0, len(differences)), (False, len(differences)))
    if ruling.low > 0:
        assert ruling.accepted or ruling.discordant < LEAST_DISCORDANT


@pytest.mark.parametrize("name", PLAIN)
@given(differences=any_differences())
def test_a_certificate_and_its_opposite_are_never_both_accepted(name: CheckerName, differences: Array) -> None:
    checker = of(name, delta=0.9)
    both = [checker.rule(sign * differences, spending(budget=1)) for sign in (1, -1)]
    assert not (both[0].accepted and both[1].accepted)
    assert both[0].low == -both[1].high


@given(label_differences(), st.integers(0, 5000), st.sampled_from([1.0, 0.5, 2.0**-20]))
def test_paired_z_does_not_ask_for_units_or_for_rows_outside(differences: Array, outside: int, scale: float) -> None:
    # Rows outside the group are zeros; halves are exact.
    ruling = of("paired-z").rule(differences, spending())
    other = of("paired-z").rule(np.concatenate((scale * differences, np.zeros(outside))), spending())
    assert ruling.accepted == other.accepted
    assert ruling.discordant == other.discordant


def test_paired_z_is_never_laxer_than_the_exact_test_of_discordant_pairs() -> None:
    # For 0-1 losses: with m discordant rows of a useless certificate, wins are at most binomial (m, 1/2).
    for discordant in [*range(30, 600), 1000, 3000, 20_001]:
        wins = np.arange(discordant // 2 + 1, discordant + 1)
        z = (2 * wins - discordant - 1) / np.sqrt(discordant)
        exact, spent = binom.logsf(wins - 1, discordant, 0.5), log_ndtr(-z)
        counts = (z > 1.28) & np.isfinite(exact)  # errors below a tenth
        assert counts.sum() > 10
        assert (exact[counts] <= spent[counts]).all()


def test_thirty_rows_that_differ_are_needed() -> None:
    for wins, enough in ((29, False), (30, True)):
        ruling = of("paired-z").rule(of_labels(5000, wins, 0), spending(budget=10))
        assert ruling.low > 0
        assert (ruling.accepted, ruling.discordant) == (enough, wins)


@pytest.mark.parametrize("name", PLAIN)
def test_constant_differences(name: CheckerName) -> None:
    # No spread about their own mean, which must not make thirty rows prove what they do not.
    assert not of(name).rule(np.ones(30), spending(accepted=3)).accepted
    assert of(name).rule(np.ones(2000), spending(accepted=3)).accepted
    for nothing in (np.zeros(2000), -np.ones(2000), np.ones(1)):
        assert not of(name).rule(nothing, spending()).accepted


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("differences", "message"),
    [
        ([0.1, float("nan"), float("nan")], "2 differences of losses are not numbers from -1 to 1; check the answers"),
        ([0.1, float("inf")], "1 differences of losses are not numbers from -1 to 1"),
        ([0.1, 1.1], "1 differences of losses are not numbers from -1 to 1"),
        ([], "There are no rows to judge a certificate on; the fold needs at least one"),
    ],
)
def test_differences_that_are_none_are_refused(name: CheckerName, differences: list[float], message: str) -> None:
    with pytest.raises(DataError, match=message):
        of(name).rule(np.array(differences), spending(), seen=np.zeros(5))


@pytest.mark.parametrize("name", NAMES)
def test_a_ruling_survives_json_however_little_there_is(name: CheckerName) -> None:
    ruling = of(name).rule(np.ones(1), spending(accepted=1000, budget=10**6), seen=np.ones(1))
    assert (ruling.bar, ruling.accepted, ruling.confidence) == (1.0, False, 0.0)
    assert Ruling.model_validate(json.loads(ruling.model_dump_json())) == ruling


def test_rare_disasters_deceive_paired_z_but_not_bernstein() -> None:
    # Mean zero: a little is won nearly always, all is lost once in 2,000 rows. Why losses of numbers ask for bernstein.
    numbers = np.random.default_rng(0)
    deceived = dict.fromkeys(PLAIN, 0)
    for _ in range(50):
        differences = np.where(numbers.random(1000) < 1 / 2000, -1.0, 1 / 1999)
        for name in PLAIN:
            deceived[name] += of(name).rule(differences, spending()).accepted
    assert deceived["paired-z"] > 20
    assert deceived["bernstein"] == deceived["hoeffding"] == 0
