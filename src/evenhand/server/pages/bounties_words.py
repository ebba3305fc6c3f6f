"""Words of bounties: the answer in a sentence, what remains, and the rules as anybody would say them."""

from collections.abc import Sequence
from datetime import datetime

from evenhand.bounty.contest.facts import Contest
from evenhand.core.bounty import Bounty
from evenhand.core.loss import Loss
from evenhand.renderers import figures

_COUNTED = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
)  # fmt: skip
_NOUNS = {
    "zero-one": "error", "accuracy": "accuracy", "squared": "squared error", "absolute": "absolute error",
    "log": "log loss",
}  # fmt: skip
_MOST_DIGITS = 12
_FEW_COLUMNS = 12
_KINDS = {
    "predictions": "predictions for the hidden ids", "model": "a model file (.onnx, .skops, .ubj, .json or .txt)",
    "code": "Python code",
}  # fmt: skip


def counted(number: int) -> str:
    """A small number as a word, a large one in digits."""
    return _COUNTED[number] if number < len(_COUNTED) else figures.count(number)


def noun(loss: Loss) -> str:
    """What the numbers of a bounty are."""
    return f"top-{loss.most} accuracy" if loss.name == "top" else _NOUNS[loss.name]


def apart(first: float, second: float) -> tuple[str, str]:
    """Two numbers in as many digits as it takes to tell them apart."""
    one, other = figures.value(first), figures.value(second)
    for places in range(4, _MOST_DIGITS):
        if one != other or first == second:
            break
        one, other = (f"{number:,.{places}f}".replace("-", figures.MINUS) for number in (first, second))
    return one, other


def answer(contest: Contest, loss: Loss, *, over: bool) -> str:
    """What came of it so far, in a sentence."""
    first, last = contest.timeline[0].error, contest.timeline[-1].error
    finds = len(contest.finds)
    if not finds:
        told = "Nobody proved the model wrong" if over else "Nobody has proven the model wrong yet"
        return f"{told}; its {noun(loss)} is {figures.value(first)}."
    groups = "group was" if finds == 1 else "groups were"
    wrong = "wrong more often" if loss.of_labels or loss.name == "top" else "further off"
    found = f"{figures.titled(counted(finds))} {groups} found for whom the model was {wrong} than need be"
    return f"{found}; its {noun(loss)} {_moved(first, last)}."


def _moved(first: float, last: float) -> str:
    one, other = apart(first, last)
    if first == last:
        return f"stayed at {one}"
    return f"{'fell' if last < first else 'rose'} from {one} to {other}"


def remains(contest: Contest, over: str | None) -> str:
    """What can still be handed in, or why nothing can."""
    left = contest.left
    waiting = f" {figures.several(left.waiting, 'submission')} {'waits' if left.waiting == 1 else 'wait'}."
    if over is not None:
        return f"{over}{waiting if left.waiting else ''}"
    return (
        f"It is open: {figures.count(left.budget - left.scored)} of {figures.several(left.budget, 'submission')} and"
        f" {figures.count(left.accept_at_most - left.accepted)} of {figures.several(left.accept_at_most, 'find')}"
        f" remain{f', until {_day(left.closes)}' if left.closes else ''}.{waiting if left.waiting else ''}"
    )


def asked(rules: Bounty) -> str:
    """What a bounty asks, in a sentence."""
    better = "higher" if rules.loss.higher_is_better else "lower"
    return (
        f"For which group of people can {rules.label} be predicted with a {better} {noun(rules.loss)} than the model"
        f" has? Groups are made of {figures.several(len(rules.features), 'column')}."
    )


def plain_rules(rules: Bounty, rows: Sequence[int]) -> list[tuple[str, str]]:
    """The rules, each with a heading: what to hand in, what is proven, what happens then, and what a hunter sees."""
    return [
        ("What to hand in", _handed_in(rules)),
        ("What is proven", _proven(rules, rows[0])),
        ("What happens then", _then(rules, rows[1])),
        ("What a hunter sees", _seen(rows[2])),
        ("What it costs", _costs(rules)),
        ("What it earns", _earns(rules)),
    ]


def _handed_in(rules: Bounty) -> str:
    shown = rules.features[:_FEW_COLUMNS]
    more = len(rules.features) - len(shown)
    columns = ", ".join(shown) + (f" and {figures.several(more, 'other')}" if more else "")
    kinds = " or ".join(_KINDS[kind] for kind in rules.kinds)
    return (
        f"A group, written with the columns {columns}, such as age<30 & sex=female; and better answers for it: {kinds}."
    )


def _proven(rules: Bounty, rows: int) -> str:
    again = (
        "After each find an unused part of these rows takes over."
        if rules.fresh_folds
        else "The bar rises with each find, because the same rows answer more questions."
    )
    return (
        f"{figures.several(rows, 'row')} decide whose labels nobody sees: on them the answers must beat the current"
        f" model's beyond chance. The chance that anything at all is accepted in error is at most"
        f" {figures.setting(100 * rules.delta)}%, however many try. {again}"
    )


def _then(rules: Bounty, rows: int) -> str:
    gain = f" by more than {figures.setting(rules.least_gain)}" if rules.least_gain else ""
    return (
        f"A pair that is proven, and that lowers the mean loss of {figures.several(rows, 'other row')}{gain}, becomes"
        " part of the model at once. Where it would make an earlier accepted group worse on those rows, the earlier"
        " answers come back, so that no accepted group ever gets worse there."
    )


def _seen(rows: int) -> str:
    return (
        "Accepted or not, and why in a line; the team's own value, which moves only when it got better beyond chance;"
        f" and this page, whose errors are of {figures.several(rows, 'row')} that prove nothing. Never a label, and"
        " never by how much something was proven or missed. Other teams see a group once it is accepted."
    )


def _costs(rules: Bounty) -> str:
    limits = [
        f"{figures.count(rules.budget)} are scored at most, and {figures.count(rules.accept_at_most)} accepted",
        *([f"{figures.count(rules.per_team)} of one team"] if rules.per_team else []),
        *([f"{figures.count(rules.per_day)} of one team in 24 hours"] if rules.per_day else []),
    ]
    return (
        "A submission counts once labels were asked about it. One that cannot be read, or whose group or whose"
        f" differing answers are fewer than {figures.several(rules.least_rows, 'row')}, costs nothing."
        f" {'; '.join(limits)}."
    )


def _earns(rules: Bounty) -> str:
    return (
        f"{figures.several(1, 'point') if rules.find_reward == 1 else figures.setting(rules.find_reward) + ' points'}"
        f" for each find, and {figures.count(rules.gain_reward)} for each unit by which the mean loss falls: a fall"
        f" of 0.004 earns {figures.setting(0.004 * rules.gain_reward)}."
    )


def _day(at: datetime) -> str:
    from evenhand.renderers.over_time import hour

    return f"{hour(at)} UTC"
