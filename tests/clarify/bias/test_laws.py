"""Laws of the bias metrics, whatever the counts, and that a million rows are counted fast."""

import math
import random
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.clarify.bias.catalogue import POST, PRE, codes_asked
from evenhand.clarify.bias.cells import Side, Sides
from evenhand.clarify.bias.compat import compat_sections
from evenhand.clarify.bias.formulas import FORMULAS
from tests.clarify.bias.configs import config_of, counted, dataset_of, values_of

FILLED = st.tuples(*[st.integers(1, 40)] * 4)
ANTISYMMETRIC = ("CI", "DPL", "DPPL", "DCA", "DCR", "RD", "SD", "DAR", "DRR", "AD", "TE")
# What smclarify 0.5 needed for the same table on two cores: 6.1 before and 2.5 after training.
SMCLARIFY_SECONDS = 8.6


def sides(d: tuple[int, ...], a: tuple[int, ...]) -> Sides:
    return Sides(
        Side(*d), Side(*a), {"label": np.zeros((2, 2, 0), np.int64), "predicted": np.zeros((2, 2, 0), np.int64)}
    )


@given(FILLED, FILLED)
def test_exchanging_the_sides_changes_the_sign(d: tuple[int, ...], a: tuple[int, ...]) -> None:
    for code in ANTISYMMETRIC:
        assert FORMULAS[code](sides(d, a)) == pytest.approx(-FORMULAS[code](sides(a, d)), abs=1e-12), code


@given(FILLED, FILLED)
def test_two_classes_make_the_distances_one(d: tuple[int, ...], a: tuple[int, ...]) -> None:
    both = sides(d, a)
    gap = abs(FORMULAS["DPL"](both))
    assert FORMULAS["TVD"](both) == pytest.approx(gap, abs=1e-12)
    assert FORMULAS["KS"](both) == pytest.approx(gap, abs=1e-12)
    assert FORMULAS["LP"](both) == pytest.approx(math.sqrt(2) * gap, abs=1e-12)


@given(FILLED, st.integers(1, 5))
def test_sides_alike_are_at_parity(d: tuple[int, ...], times: int) -> None:
    both = sides(d, tuple(times * count for count in d))
    for code in FORMULAS:
        if code not in ("CI", "DI", "GE", "CDDL", "CDDPL"):
            assert FORMULAS[code](both) == pytest.approx(0, abs=1e-9), code
    assert FORMULAS["DI"](both) == pytest.approx(1)


@settings(max_examples=25, deadline=None)
@given(FILLED, FILLED, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(
    d: tuple[int, int, int, int], a: tuple[int, int, int, int], chance: random.Random
) -> None:
    rows, facets = counted(d, a), {"group": ["d"]}
    order = chance.sample(range(len(rows)), len(rows))
    asked = {PRE: codes_asked(PRE, "all"), POST: codes_asked(POST, "all")}
    rows[["label", "predicted"]] = rows[["label", "predicted"]].replace({0: "no", 1: "yes"})
    config = config_of("label", ["yes"], facets)
    first = compat_sections(config, dataset_of(rows, "label", facets), asked)
    shuffled = rows.iloc[order].reset_index(drop=True)
    assert compat_sections(config, dataset_of(shuffled, "label", facets), asked) == first


@pytest.mark.slow
def test_a_million_rows_are_ten_times_faster() -> None:
    chance, rows = random.Random(0), 1_000_000  # noqa: S311
    frame = pd.DataFrame(
        {
            "label": [chance.randint(0, 1) for _ in range(rows)],
            "predicted": [chance.randint(0, 1) for _ in range(rows)],
            "facet": [chance.choice(("f", "m", "x")) for _ in range(rows)],
            "stratum": [chance.choice("abcdef") for _ in range(rows)],
        }
    )
    facets: dict[str, Any] = {"facet": ["f"]}
    codes = tuple(code for code in codes_asked(POST, "all") if code != "FT")
    started = time.perf_counter()
    found = compat_sections(
        config_of("label", [1], facets, stratum="stratum"), dataset_of(frame, "label", facets, stratum="stratum"),
        {PRE: codes_asked(PRE, "all"), POST: codes},
    )  # fmt: skip
    seconds = time.perf_counter() - started
    assert len(values_of(found, POST, "facet", "f")) == 12
    assert seconds < SMCLARIFY_SECONDS / 10
