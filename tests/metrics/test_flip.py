"""The flip test: its sign, its neighbours, and features of any kind."""

import numpy as np
import pytest

from evenhand.core.errors import Undefined
from evenhand.metrics.flip import Neighbourhood, flip_test, standardised


def neighbourhood(features: list[float], group: list[int], predicted: list[int]) -> Neighbourhood:
    return Neighbourhood(
        np.array(features)[:, np.newaxis], np.array(group, bool), np.array(predicted, bool), draws=500, seed=0
    )


def test_the_sign_of_the_documents() -> None:
    # Everyone of the group is turned down, everyone else accepted: +1.
    rows = neighbourhood([0, 1, 2, 3] * 4, [1, 1, 1, 1] + [0] * 12, [0] * 4 + [1] * 12)
    assert float(flip_test.measure(rows).value) == 1.0
    other_way = neighbourhood([0, 1, 2, 3] * 4, [1, 1, 1, 1] + [0] * 12, [1] * 4 + [0] * 12)
    assert float(flip_test.measure(other_way).value) == -1.0


def test_people_treated_as_their_neighbours_show_no_gap() -> None:
    features = [float(place) for place in range(40)] * 2
    predicted = [int(place >= 20) for place in range(40)] * 2
    rows = neighbourhood(features, [1] * 40 + [0] * 40, predicted)
    estimate = flip_test.measure(rows)
    assert float(estimate.value) == pytest.approx(0.0, abs=0.06)
    assert estimate.bounds is not None
    low, high = estimate.bounds(0.95)
    assert low <= float(estimate.value) <= high


def test_against_every_distance_computed() -> None:
    generator = np.random.default_rng(3)
    features = generator.normal(size=(300, 4))
    group, predicted = generator.random(300) < 0.4, generator.random(300) < 0.5
    distances = np.linalg.norm(features[group][:, None] - features[~group][None], axis=2)
    nearest = np.argsort(distances, axis=1)[:, :5]
    votes = predicted[~group][nearest].mean(axis=1) > 0.5
    expected = (votes.astype(int) - predicted[group].astype(int)).mean()
    found = flip_test.measure(Neighbourhood(features, group, predicted, 100, 0))
    assert float(found.value) == pytest.approx(expected)


def test_one_side_missing_is_a_reason() -> None:
    with pytest.raises(Undefined, match="has no rows"):
        flip_test.measure(neighbourhood([1.0, 2.0], [1, 1], [0, 1]))


def test_features_of_any_kind_are_put_on_one_scale() -> None:
    columns = {
        "income": np.array([10_000.0, 20_000.0, np.nan, 30_000.0]),
        "job": np.array(["a", "b", None, "a"], dtype=object),
        "member": np.array([True, False, True, True]),
        "constant": np.array([1.0, 1.0, 1.0, 1.0]),
        "name": np.array([f"person {place}" for place in range(4)], dtype=object),
    }
    features, left_out = standardised(columns)
    assert left_out == ["constant"]
    income, jobs = features[:, 0], features[:, 1:4]
    assert income.mean() == pytest.approx(0.0)
    assert income[2] == pytest.approx(0.0)
    # Two rows with different categories are one apart.
    assert np.linalg.norm(jobs[0] - jobs[1]) == pytest.approx(1.0)
    assert np.linalg.norm(jobs[0] - jobs[3]) == 0.0
