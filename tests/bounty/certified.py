"""Random samples and random submissions, as bounties meet them: groups that overlap, answers that help or harm."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evenhand.bounty.proving.versions import Versions
from evenhand.core.loss import Loss

Array = NDArray[Any]
LOSSES = ("zero-one", "accuracy", "top:2", "log", "squared:4", "absolute:4")


class Sample(NamedTuple):
    """A loss, labels as it reads them, and what the base model answers."""

    loss: Loss
    labels: Array
    base: Array
    classes: int


def sample(text: str, *, rows: int, classes: int, seed: int) -> Sample:
    """Labels and the answers of a base model that is mostly wrong."""
    loss, numbers = Loss.parse(text), np.random.default_rng(seed)
    labels = numbers.normal(size=rows) if loss.of_numbers else numbers.integers(classes, size=rows)
    return Sample(loss, labels, guesses(loss, labels, classes, numbers, right=0.3), classes)


def guesses(loss: Loss, labels: Array, classes: int, numbers: np.random.Generator, *, right: float) -> Array:
    """Answers of which this share is right."""
    rows = len(labels)
    known = numbers.random(rows) < right
    if loss.of_numbers:
        return np.where(known, labels, numbers.normal(size=rows) * 2)
    places = np.where(known, labels, numbers.integers(classes, size=rows))
    if loss.of_labels:
        return places
    chances = numbers.dirichlet(np.ones(classes), size=rows)
    chances[np.arange(rows), places] += 1
    return chances / 2


def submissions(found: Sample, count: int, seed: int) -> Iterator[tuple[Array, Array]]:
    """Groups of all sizes, and answers that are better than the base in some of them."""
    numbers = np.random.default_rng([seed, 1])
    for _ in range(count):
        mask = numbers.random(len(found.labels)) < numbers.choice([0.02, 0.2, 0.6, 1.0])
        right = numbers.choice([0.1, 0.4, 0.8])
        yield mask, guesses(found.loss, found.labels, found.classes, numbers, right=float(right))


def gain(versions: Versions, mask: Array, answers: Array) -> float:
    """The weighted gain of a certificate on the sample."""
    return float(versions.differences(mask, answers).mean())


def merged(found: Sample, pairs: list[tuple[Array, Array]], *, least: float = 0.0) -> Versions:
    """The versions after every submission whose gain is large enough was merged and repaired."""
    versions = Versions(found.loss, found.labels, found.base)
    for mask, answers in pairs:
        if gain(versions, mask, answers) > least:
            versions.update(mask, answers)
            versions.repair()
    return versions


def violations(versions: Versions) -> int:
    """How many accepted groups are served worse than by some version, looked at from the answers alone."""
    worse = 0
    for mask in versions.groups:
        losses = [versions.loss.rows(versions.labels[mask], answers[mask]).mean() for answers in versions.answers]
        worse += losses[-1] > min(losses) + 1e-9
    return worse
