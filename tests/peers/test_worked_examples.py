"""Every worked example of Amazon SageMaker Clarify's documents, from the counts that they print.

`a` is the advantaged facet of the documents and the rest here, `d` the disadvantaged one and the group here.
"""

import math
from pathlib import Path

import numpy as np
import pytest

import evenhand as eh
from evenhand.core.sides import Classes, Comparison, Decisions
from evenhand.metrics import chosen


def decisions(who: str, *, tp: float = 0, fp: float = 0, fn: float = 0, tn: float = 0) -> Decisions:
    """One side with these cells of the confusion matrix."""
    return Decisions(who, np.array([[[tn, fp, 0], [fn, tp, 0], [0, 0, 0]]], float))


def classes(who: str, shares: list[float]) -> Classes:
    """One side with these shares of the labels."""
    return Classes(who, np.array(shares) * 1000, np.zeros(len(shares)))


def value(code: str, comparison: Comparison[Decisions] | Comparison[Classes]) -> float:
    (metric,) = chosen([code])
    return float(metric.measure(comparison).value)


def test_kullback_leibler_of_loans() -> None:
    shares = Comparison(classes("d", [0.3, 0.7]), classes("a", [0.8, 0.2]))
    assert value("KL", shares) == pytest.approx(0.8 * math.log(0.8 / 0.3) + 0.2 * math.log(0.2 / 0.7), abs=1e-12)
    assert round(value("KL", shares), 2) == 0.53


def test_kolmogorov_smirnov_of_college_outcomes() -> None:
    shares = Comparison(classes("d", [0.2, 0.1, 0.7]), classes("a", [0.4, 0.4, 0.2]))
    assert value("KS", shares) == pytest.approx(0.5, abs=1e-12)


def test_disparate_impact_of_half_against_six_tenths() -> None:
    # The documents print 0.8 for 0.5/0.6.
    a, d = decisions("a", tp=60, fn=40), decisions("d", tp=50, fn=50)
    assert value("DI", Comparison(d, a)) == pytest.approx(0.5 / 0.6, abs=1e-12)


def test_conditional_acceptance_and_rejection_of_loans() -> None:
    # 100 applicants of a: 70 labelled positive, 60 accepted. 50 of d: 20 labelled positive, 30 accepted.
    a, d = decisions("a", tp=50, fp=10, fn=20, tn=20), decisions("d", tp=15, fp=15, fn=5, tn=15)
    assert value("DCA", Comparison(d, a)) == pytest.approx(70 / 60 - 20 / 30, abs=1e-12)
    assert value("DCA", Comparison(d, a)) == pytest.approx(0.5, abs=1e-12)


def test_conditional_acceptance_of_the_second_loan_example() -> None:
    # 50 of a labelled positive, 60 accepted; 40 of d labelled positive, 30 accepted.
    a, d = decisions("a", tp=45, fp=15, fn=5, tn=35), decisions("d", tp=25, fp=5, fn=15, tn=5)
    assert value("DCA", Comparison(d, a)) == pytest.approx(-0.5, abs=1e-12)


def test_conditional_rejection_of_loans() -> None:
    # a: 50 labelled negative, 60 rejected. d: 40 labelled negative, 30 rejected.
    a, d = decisions("a", tn=45, fn=15, fp=5, tp=35), decisions("d", tn=25, fn=5, fp=15, tp=5)
    assert value("DCR", Comparison(d, a)) == pytest.approx(40 / 30 - 50 / 60, abs=1e-12)
    assert value("DCR", Comparison(d, a)) == pytest.approx(0.5, abs=1e-12)


def test_recall_difference_of_loans() -> None:
    a, d = decisions("a", tp=65, fn=5, tn=10), decisions("d", tp=20, fn=7, tn=10)
    assert value("RD", Comparison(d, a)) == pytest.approx(65 / 70 - 20 / 27, abs=1e-12)
    assert round(value("RD", Comparison(d, a)), 2) == 0.19


def test_specificity_difference_of_loans() -> None:
    a, d = decisions("a", tn=20, fp=10, tp=10), decisions("d", tn=18, fp=5, tp=10)
    assert value("SD", Comparison(d, a)) == pytest.approx(18 / 23 - 20 / 30, abs=1e-12)
    assert round(value("SD", Comparison(d, a)), 4) == 0.1159


def test_acceptance_and_rejection_rates_of_loans() -> None:
    # Of 70 accepted of a 35 pay back, of 100 accepted of d 40; both rejections are right equally often.
    a, d = decisions("a", tp=35, fp=35, tn=40, fn=20), decisions("d", tp=40, fp=60, tn=30, fn=15)
    assert value("DAR", Comparison(d, a)) == pytest.approx(0.10, abs=1e-12)
    assert value("DRR", Comparison(d, a)) == pytest.approx(0.0, abs=1e-12)


def test_accuracy_difference_of_loans() -> None:
    a, d = decisions("a", tp=50, tn=30, fp=10, fn=10), decisions("d", tp=30, tn=30, fp=20, fn=20)
    assert value("AD", Comparison(d, a)) == pytest.approx(0.2, abs=1e-12)


def test_treatment_equality_of_loans() -> None:
    # d: 5 wrong rejections and 2 wrong selections; a: 8 and 6.
    a, d = decisions("a", fn=8, fp=6, tp=30, tn=30), decisions("d", fn=5, fp=2, tp=30, tn=30)
    assert value("TE", Comparison(d, a)) == pytest.approx(5 / 2 - 8 / 6, abs=1e-12)
    assert round(value("TE", Comparison(d, a)), 3) == 1.167


def test_demographic_disparity_of_admissions() -> None:
    # Women have 46 of 100 rejections and 32 of 100 acceptances.
    a, d = decisions("a", tp=68, tn=54), decisions("d", tp=32, tn=46)
    assert value("CDDL", Comparison(d, a)) == pytest.approx(0.46 - 0.32, abs=1e-12)
    assert value("CDDPL", Comparison(d, a)) == pytest.approx(0.14, abs=1e-12)


def test_generalised_entropy_is_not_bounded_by_a_half() -> None:
    # The documents give it the range 0 to 0.5: 99 wrong rejections and one right selection make 49.5.
    a, d = decisions("a", fn=90, tp=1), decisions("d", fn=9)
    assert value("GE", Comparison(d, a)) == pytest.approx(49.5, abs=1e-9)


def test_flip_test_has_the_sign_of_the_documents() -> None:
    # All of d are turned down, all of their neighbours in a accepted: +1 in the documents, -1 in smclarify's code.
    rows = 30
    table = {
        "facet": ["d", "a"] * rows,
        "kin": [float(place // 2) for place in range(2 * rows)],
        "other": [float(place % 7) for place in range(2 * rows)],
        "label": [1, 0] * rows,
        "predicted": [0, 1] * rows,
    }
    audit = eh.Audit(label="label", positive=[1], predicted_label="predicted", facets=["facet=d"], metrics=["FT"])
    (finding,) = eh.run(audit, table).findings
    assert finding.value == 1.0


def test_berkeley_admissions_reverse_within_departments(real_tables: Path) -> None:
    # Bickel, Hammel, O'Connell, Sex Bias in Graduate Admissions, Science 187 (1975). The shared table has 40 admitted
    # men of department B fewer than the paper, which changes neither sign.
    department: list[str] = []
    sex: list[str] = []
    admitted: list[int] = []
    _, *lines = (real_tables / "berkeley.tsv").read_text().splitlines()
    for line in lines:
        name, *counts = line.split("\t")
        for (who, outcome), count in zip((("man", 1), ("man", 0), ("woman", 1), ("woman", 0)), counts, strict=True):
            department += [name] * int(count)
            sex += [who] * int(count)
            admitted += [outcome] * int(count)
    table = {"department": department, "sex": sex, "admitted": admitted}
    audit = eh.Audit(label="admitted", positive=[1], facets=["sex=woman"], stratum="department")
    found = {finding.metric: finding for finding in eh.run(audit, table).findings}
    overall, within = found["DPL"], found["CDDL"]
    assert overall.value == pytest.approx(1158 / 2651 - 557 / 1835, abs=1e-12)
    assert overall.interval is not None
    assert overall.interval.low > 0.1
    # Within the departments, women have, if anything, a smaller share of the rejections than of the admissions.
    assert within.value is not None
    assert within.value < 0
    assert within.interval is not None
    assert within.interval.high < overall.interval.low
