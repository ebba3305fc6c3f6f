"""Looks: evidence that is added up over windows, so that looking again and again raises no false alarms.

Each question (a metric of a group, a column) has an e-process: a number that is 1 at first and that, while nothing
drifts, passes 1/a at any time of a year with probability a at most (Ville 1939; Shafer & Vovk 2019). A window with the
score z, in standard errors beyond the bound, multiplies a bet g by exp(g z - g²/2), whose mean is at most 1 below the
bound. Bets of several sizes, and such as begin at each window of the year, are mixed with weights that add up to 1, as
in Shiryaev's and Roberts's sums, so that a drift that begins late is found as soon as one that was there at first
(Shin, Ramdas & Rinaldo 2024). Windows that overlap are not independent: there, each look spends an equal part of what
the year allows (Bonferroni), which holds under any dependence.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from evenhand.core.errors import UnreadableSource
from evenhand.core.monitor import Monitor, Windows
from evenhand.core.outcome import Drift
from evenhand.core.window import Window
from evenhand.core.words import digits
from evenhand.monitor.drift.scores import clipped, probability

YEAR = 365 * 86_400
BETS = (0.5, 1.0, 2.0, 3.5, 5.0)
# What one window may add: normal tails are good to about here.
MOST_SCORE = 6.0
# Evidence is kept below so many times what is needed, so that an alarm can end.
MOST_EVIDENCE = 10.0
# Windows that are remembered, so that each counts once although labels arrive late.
REMEMBERED = 64


@dataclass(frozen=True)
class Look:
    """The evidence on one question: the sum of each bet, what is not yet bet, and the windows that counted.

    `before` is `sums` and `spare` before the last window, for when that is looked at again. `after` is the evidence
    after each of `counted`, so that a window whose labels come late is judged by what was known up to it, and a drift
    that began later does not reach back.
    """

    sums: tuple[float, ...] = (0.0,) * len(BETS)
    spare: float = 1.0
    part: float = 0.0
    looks: int = 0
    before: "tuple[tuple[float, ...], float, float, int] | None" = None
    counted: tuple[int, ...] = ()
    after: tuple[float, ...] = ()

    @property
    def evidence(self) -> float:
        """The e-value so far."""
        return sum(self.sums) / len(BETS) + self.spare

    def up_to(self, window: int) -> float | None:
        """The e-value up to a window that counted; None where that is no longer known."""
        known = dict(zip(self.counted, self.after, strict=False))
        return known.get(window)


@dataclass(frozen=True)
class Looks:
    """What a monitor remembers from window to window; `after` gives it with one more window."""

    questions: Mapping[str, Look] = field(default_factory=dict)
    families: Mapping[str, int] = field(default_factory=dict)

    def after(self, drifts: Sequence[Drift], window: Window, monitor: Monitor) -> "tuple[Looks, list[Drift]]":
        """The state after a window, and its drifts judged by the evidence of all windows up to it.

        A drift is one whose evidence passes what the year's false alarms allow each question of its kind.
        """
        families = _families(self.families, drifts)
        questions = dict(self.questions)
        judged = []
        for drift in drifts:
            needed = 2 * families[drift.kind] / monitor.limits.false_alarms
            judged.append(_judged(drift, window, monitor.windows, needed, questions))
        return Looks(questions, families), judged

    def to_json(self) -> str:
        """The state as one line of JSON."""
        questions = {name: _written(look) for name, look in self.questions.items()}
        return json.dumps({"schema_version": 1, "families": dict(self.families), "questions": questions})

    @classmethod
    def from_json(cls, text: str | bytes) -> "Looks":
        """Read a state written by `to_json`; raises UnreadableSource."""
        try:
            found = json.loads(text)
            questions = {str(name): _read(look) for name, look in found["questions"].items()}
            return cls(questions, {str(kind): int(count) for kind, count in found["families"].items()})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UnreadableSource(f"This is not the state of a monitor's looks: {error}.") from None


def looks_a_year(windows: Windows) -> int:
    """How many windows end in a year."""
    step = (windows.every or windows.length).total_seconds()
    return max(1, math.ceil(YEAR / step))


def overlapping(windows: Windows) -> bool:
    """Whether windows share rows, so that they are not independent."""
    return windows.since is not None or (windows.every is not None and windows.every < windows.length)


def _families(known: Mapping[str, int], drifts: Iterable[Drift]) -> dict[str, int]:
    """The most questions of each kind that were asked in one window so far."""
    now: dict[str, int] = {}
    for drift in drifts:
        now[drift.kind] = now.get(drift.kind, 0) + 1
    return {kind: max(now.get(kind, 0), known.get(kind, 0)) for kind in {*known, *now}}


def _judged(drift: Drift, window: Window, windows: Windows, needed: float, questions: dict[str, Look]) -> Drift:
    """One drift with the evidence of all windows, and its verdict by it."""
    if drift.score is None:
        return drift
    year = looks_a_year(windows)
    if overlapping(windows):
        return _decided(drift, 1 / max(year * probability(drift.score), 1e-300), needed, "For one look of a year")
    name = f"{drift.kind}: {drift.about}"
    look = _with(questions.get(name, Look()), drift.score, int(window.start.timestamp()), year, needed)
    questions[name] = look
    evidence = look.up_to(int(window.start.timestamp()))
    return drift if evidence is None else _decided(drift, evidence, needed, "Over all windows")


def _with(look: Look, score: float, window: int, year: int, needed: float) -> Look:
    """The evidence with one more window; one that counted before counts once, the last one anew."""
    if look.counted and window == look.counted[-1] and look.before is not None:
        sums, spare, part, looks = look.before
        look = replace(
            look, sums=sums, spare=spare, part=part, looks=looks, counted=look.counted[:-1], after=look.after[:-1]
        )
    elif window in look.counted or (len(look.counted) == REMEMBERED and window < min(look.counted)):
        return look
    look = replace(look, before=(look.sums, look.spare, look.part, look.looks))
    if look.looks % year == 0:
        look = _new_year(look, year, needed)
    z = min(clipped(score), MOST_SCORE)
    pairs = zip(look.sums, BETS, strict=True)
    added = [(held + look.part) * math.exp(bet * z - bet * bet / 2) for held, bet in pairs]
    total = sum(added) / len(BETS)
    shrink = min(1.0, MOST_EVIDENCE * needed / total) if total > 0 else 1.0
    counted = replace(
        look,
        sums=tuple(held * shrink for held in added),
        spare=max(look.spare - look.part, 0.0),
        looks=look.looks + 1,
        counted=(*look.counted, window)[-REMEMBERED:],
    )
    return replace(counted, after=(*look.after, counted.evidence)[-REMEMBERED:])


def _new_year(look: Look, year: int, needed: float) -> Look:
    """What may be bet in a new year: all of 1, less what is kept of the last; an alarm that stands is carried on."""
    total = sum(look.sums) / len(BETS)
    shrink = 1.0 if total < 0.5 or look.evidence >= needed else 0.5 / total
    spare = 1 - min(total, 0.5)
    return replace(look, sums=tuple(held * shrink for held in look.sums), spare=spare, part=spare / year)


def _decided(drift: Drift, evidence: float, needed: float, when: str) -> Drift:
    past = evidence >= needed
    words = f" {when} the data speak for a drift by a factor of {digits(evidence)}; "
    words += f"{digits(needed)} {'were' if past else 'are'} needed."
    update = {"evidence": evidence, "verdict": "drift" if past else "no drift shown", "reading": drift.reading + words}
    return drift.model_copy(update=update)


def _written(look: Look) -> dict[str, Any]:
    names = ("sums", "spare", "part", "looks", "before", "counted", "after")
    return {name: getattr(look, name) for name in names}


def _read(found: Mapping[str, Any]) -> Look:
    before = found["before"]
    if before is not None:
        before = (_sums(before[0]), float(before[1]), float(before[2]), int(before[3]))
    return Look(
        sums=_sums(found["sums"]), spare=float(found["spare"]), part=float(found["part"]), looks=int(found["looks"]),
        before=before, counted=tuple(int(window) for window in found["counted"]),
        after=tuple(float(held) for held in found.get("after", ())),
    )  # fmt: skip


def _sums(found: Sequence[float]) -> tuple[float, ...]:
    sums = tuple(float(held) for held in found)
    if len(sums) != len(BETS):
        raise ValueError(f"{len(sums)} sums instead of {len(BETS)}")
    return sums
