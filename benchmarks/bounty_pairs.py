"""The tables, groups and models that bounty_peers.py and bounty_their_code.py both play; numpy, pandas, scikit-learn.

Nothing of evenhand is imported here, so that old environments can read it. `digest` tells whether two runs played the
same: generators of numpy give the same numbers in all versions so far.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier

COLUMNS = ("a", "b", "c", "d")
USELESS, CELLS = 300, 40
SIZES = (1000, 5000, 20_000)
CONTESTS = range(3)
Member = Callable[[Any], Any]


class Pair(NamedTuple):
    """A group, and a model for it."""

    group: Member
    model: Any


class Coins(NamedTuple):
    """Labels that are coins, the cell of each row, and useless submissions: cells and the one answer for them."""

    labels: Any
    cells: Any
    submissions: list[tuple[Any, int]]


class Contest(NamedTuple):
    """The rows a contest is judged on, the model it begins with, and what is handed in, in turn."""

    frame: Any
    labels: Any
    base: Any
    pairs: list[Pair]


def table(rows: int, seed: int) -> tuple[Any, Any]:
    numbers = np.random.default_rng(seed)
    frame = pd.DataFrame(numbers.normal(size=(rows, len(COLUMNS))), columns=list(COLUMNS))
    score = frame["a"] + np.where(frame["b"] > 0, frame["c"], -frame["d"])
    return frame, (score + numbers.normal(size=rows) * 0.5 > 0).to_numpy().astype(int)


def group_of(column: str, low: float, high: float) -> Member:
    return lambda frame: ((frame[column] > low) & (frame[column] <= high)).to_numpy()


def pairs(frame: Any, labels: Any, count: int, seed: int) -> tuple[Any, list[Pair]]:
    """A base model of depth 1, and groups that overlap with trees fitted on their rows."""
    numbers = np.random.default_rng([seed, 1])
    base = DecisionTreeClassifier(max_depth=1).fit(frame, labels)
    found = []
    for _ in range(count):
        low = float(numbers.normal())
        group = group_of(str(numbers.choice(COLUMNS)), low - 1, low + 1)
        here = group(frame)
        found.append(Pair(group, DecisionTreeClassifier(max_depth=5, random_state=0).fit(frame[here], labels[here])))
    return base, found


def merged() -> Contest:
    """Three submissions to merge on 1,500 rows."""
    return Contest(*table(1500, 0), *pairs(*table(3000, 1), 3, 0))


def contest(seed: int) -> Contest:
    """Seven submissions for accuracy on 4,000 rows."""
    return Contest(*table(4000, seed), *pairs(*table(4000, seed + 100), 7, seed))


def coins(rows: int, seed: int) -> Coins:
    """300 useless submissions; groups are unions of cells."""
    numbers = np.random.default_rng([seed, rows])
    labels, cells = numbers.integers(0, 2, rows), numbers.integers(0, CELLS, rows)
    submissions = []
    for _ in range(USELESS):
        chosen = numbers.choice(CELLS, numbers.integers(1, CELLS // 2), replace=False)
        submissions.append((chosen, int(numbers.integers(0, 2))))
    return Coins(labels, cells, submissions)


def seconds(work: Callable[[], Any], times: int = 1) -> float:
    """The least CPU seconds of so many times, as others on the machine only ever make it more."""
    found = []
    for _ in range(times):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


def digest() -> str:
    """A hash of what is played: rows, labels, and what every group and model says of them."""
    found = hashlib.sha256()
    for part in _played():
        found.update(np.ascontiguousarray(part).tobytes())
    return found.hexdigest()


def _played() -> Iterator[Any]:
    for played in (merged(), *(contest(seed) for seed in CONTESTS)):
        yield from (played.frame.to_numpy(), played.labels.astype("int64"))
        yield played.base.predict(played.frame).astype("int64")
        for pair in played.pairs:
            yield pair.group(played.frame)
            yield pair.model.predict(played.frame).astype("int64")
    for rows in SIZES:
        told = coins(rows, 0)
        yield from (told.labels.astype("int64"), told.cells.astype("int64"))
        for chosen, answer in told.submissions:
            yield np.append(chosen, answer).astype("int64")
