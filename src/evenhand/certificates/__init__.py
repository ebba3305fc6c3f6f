"""Certificates: checkers, which decide on rows that nobody saw whether a gain is more than chance."""

from collections.abc import Callable

from evenhand.certificates.bernstein import Bernstein
from evenhand.certificates.counting import Counting
from evenhand.certificates.hoeffding import Hoeffding
from evenhand.certificates.paired_z import PairedZ
from evenhand.certificates.thresholdout import Thresholdout
from evenhand.core.bounty import Bounty
from evenhand.core.certificate import Checker, CheckerName

_CHECKERS: dict[CheckerName, Callable[[Counting, Bounty], Checker]] = {
    "paired-z": lambda counting, _: PairedZ(counting=counting),
    "bernstein": lambda counting, _: Bernstein(counting=counting),
    "hoeffding": lambda counting, _: Hoeffding(counting=counting),
    "thresholdout": lambda counting, bounty: Thresholdout(counting=counting, seed=bounty.seed),
}


def checker(bounty: Bounty) -> Checker:
    """The checker that a bounty's rules name, with its error and its folds."""
    return _CHECKERS[bounty.checker](Counting(delta=bounty.delta, fresh_folds=bounty.fresh_folds), bounty)
