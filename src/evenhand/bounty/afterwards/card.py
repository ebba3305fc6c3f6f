"""Card: a bounty told to people who decide — what was asked, found and changed, and how far the proofs reach."""

from collections.abc import Iterator, Sequence

import numpy as np

from evenhand.bounty.afterwards.card_facts import Card, CardFind
from evenhand.bounty.afterwards.card_words import asked, limits, measured_by, proof, sentence
from evenhand.bounty.contest.board_groups import group_error, group_errors, masks_of, named_groups
from evenhand.bounty.judging.merging import Merged, Merging
from evenhand.bounty.proving.holdout import BOARD, CHECK, REPAIR
from evenhand.core.finding import Interval
from evenhand.core.store import Handed, Store
from evenhand.renderers.html import filled

_AT_ONCE = 1000


def card_of(store: Store, merging: Merging, version: int | None = None) -> Card:
    """The card of one version of the model, by default the newest; raises SpecError where there is none such.

    Errors are measured on the rows of the board, which neither proved nor repaired anything.
    """
    bounty, holdout = merging.bounty, merging.holdout
    kept = merging.up_to(version)
    at = merging.list.version if version is None else version
    handed = list(_all(store, bounty.name))
    opened, ended = store.bounty_times(bounty.name)
    finds = tuple(_find(merging, each, at) for each in kept)
    base, now = merging.board.losses[0], merging.board.losses[at]
    rows = holdout.rows(BOARD)
    shown = {name: holdout.columns[name][rows] for name in bounty.features}
    groups = named_groups(bounty.facets, shown)
    return Card(
        name=bounty.name, title=bounty.title or bounty.name, about=bounty.about, label=bounty.label,
        metric=str(bounty.loss), measure=measured_by(bounty), higher_is_better=bounty.loss.higher_is_better, version=at,
        newest=merging.list.version, opened=opened, ended=ended, teams=len(store.teams(bounty.name)),
        submitted=len(handed), scored=sum(each.verdict is not None and each.verdict.scored for each in handed),
        accepted=len(kept), rows=(len(holdout.rows(CHECK)), len(holdout.rows(REPAIR)), len(rows)),
        overall=group_error("", "everybody", bounty.loss, base, now), asked=asked(bounty), finds=finds,
        groups=group_errors(groups, masks_of(groups, shown), bounty.loss, base, now), proof=proof(bounty, finds),
        limits=limits(bounty, [each.submission.kind for each in kept]),
    )  # fmt: skip


def render_card(card: Card) -> str:
    """The page: complete without script or network, and every text of strangers escaped."""
    return filled("bounty_card.html", {"title": f"The bounty {card.title}", "card": card}, styles=("report.css",))


def _find(merging: Merging, merged: Merged, version: int) -> CardFind:
    submission, ruling = merged.submission, merged.verdict.ruling
    mask = merged.claim.mask[merging.rows[BOARD]]
    losses = merging.board.losses
    error = group_error("", submission.group, merging.bounty.loss, losses[0][mask], losses[version][mask])
    gain = None
    if ruling is not None:
        gain = Interval(low=ruling.low, high=ruling.high, level=1 - ruling.confidence, method=merging.bounty.checker)
    share = float(np.mean(merged.claim.mask))
    return CardFind(
        number=submission.number, team=submission.team, kind=submission.kind, group=submission.group,
        version=merged.version, repairs=merged.verdict.repairs, gain=gain,
        proven_gain=None if ruling is None else ruling.gain, error=error, at=merged.verdict.judged,
        sentence=sentence(merging.bounty, submission, error, share),
    )  # fmt: skip


def _all(store: Store, name: str) -> Iterator[Handed]:
    page: Sequence[Handed] = ()
    while page := store.handed_in(name, after=page[-1].submission.number if page else 0, most=_AT_ONCE):
        yield from page
