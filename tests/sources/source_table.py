"""One table for every source: text, whole numbers, floats, true or false, missing values and hostile names."""

import random
from typing import Any

Table = dict[str, list[Any]]
ROWS = 240
HOSTILE = [
    'a"; DROP TABLE x; --',
    "`tick`]",
    "x,y",
    "it's",
    "naïve ☃ 性别",
    "\u202eright",
    "two\nlines",
    "50%(s) :bound",
]


def sample() -> Table:
    """The table as Python lists, with None for missing."""
    source = random.Random(7)  # noqa: S311 - no secret

    def some(values: list[Any], missing: float = 0.1) -> list[Any]:
        return [None if source.random() < missing else source.choice(values) for _ in range(ROWS)]

    table = {
        "id": list(range(ROWS)),
        "sex": some(["Female", "Male", "?", "O'Brien", "née", "性", "a,b", 'say "hi"', "NaN", "007x"]),
        "age": some(list(range(17, 91))),
        "score": some([0.0, 1.0, 0.5, 0.1, 1 / 3, 0.999999, 2.5, -0.25, *[place / 16 for place in range(16)]]),
        "change": some([0.0, 1.5, -8.0, 8.0, 1024.0, -1e-12, 1e-3, 3.25e9, -0.5, 0.25]),
        "label": some([0, 1], 0.0),
        "member": some([True, False]),
    }
    return table | {name: some(["one", "two", "three"], 0.2) for name in HOSTILE}
