"""Card words: the sentences of a bounty's card, in plain language and with their reservations."""

from collections.abc import Sequence

from evenhand.bounty.afterwards.card_facts import CardFind
from evenhand.bounty.contest.facts import GroupError
from evenhand.core.bounty import Bounty, Kind, Submission
from evenhand.core.words import digits

_WHAT = {
    "zero-one": "share of wrong answers", "accuracy": "share of right answers", "top": "share of rows whose true class"
    " is among the likeliest", "squared": "mean squared error", "absolute": "mean absolute error", "log": "log loss",
}  # fmt: skip
_CHECKERS = {
    "paired-z": "a paired z-test, which for right and wrong answers is as strict as the exact test",
    "bernstein": "an empirical Bernstein bound, which holds for any number of rows",
    "hoeffding": "a Hoeffding bound, which holds for any number of rows",
    "thresholdout": "Thresholdout, which answers from other rows where the two agree",
}
MEANT = {"predictions": "recorded answers", "model": "a model's file", "code": "code"}


def measured_by(bounty: Bounty) -> str:
    """What the errors are, in words."""
    return _WHAT[bounty.loss.name]


def sentence(bounty: Bounty, submission: Submission, error: GroupError, share: float) -> str:
    """What a find says, for somebody who has not seen the bounty."""
    told = f"Team {submission.team} found that the model could serve {submission.group} better"
    told += f" ({digits(100 * share)}% of the hidden rows). "
    if error.now is None or error.base is None or error.change is None or error.change_interval is None:
        return told + "None of the rows that measure are in this group, so its change is not known."
    falls = f"from {digits(error.base)} to {digits(error.now)}"
    reach = error.change_interval
    between = f"a change of {_signed(error.change)} (95% interval {_signed(reach.low)} to {_signed(reach.high)})"
    return f"{told}There its {measured_by(bounty)} went {falls}, {between}, on {error.rows:,} rows of the board."


def asked(bounty: Bounty) -> tuple[str, ...]:
    """What hunters were asked."""
    return (
        f"For which group of people can {bounty.label} be predicted better than the model does? Better means: a"
        f" {'higher' if bounty.loss.higher_is_better else 'lower'} {measured_by(bounty)} ({bounty.loss}).",
        f"Groups could be made of {len(bounty.features)} columns, and answers handed in as"
        f" {_listed([MEANT[kind] for kind in bounty.kinds])}.",
        f"At most {bounty.budget:,} submissions are scored, and at most {bounty.accept_at_most:,} accepted.",
    )


def proof(bounty: Bounty, finds: Sequence[CardFind]) -> tuple[str, ...]:
    """What the proofs say."""
    folds = "a fresh part of these rows after each acceptance" if bounty.fresh_folds else "the same rows throughout"
    monotone = (
        "On the rows of repair every accepted group is served at least as well as any earlier version served it: what"
        " a later find took from it, pointers gave back."
    )
    told = (
        f"Each find was proven on rows whose labels nobody saw, by {_CHECKERS[bounty.checker]}, on {folds}.",
        f"The chance that any of the finds is an error of chance is at most {bounty.delta:g} for all of them"
        " together, though hunters chose each submission knowing all verdicts before it.",
    )
    return (*told, monotone) if finds else (*told, "Nothing was proven: the model answers as it did.")


def limits(bounty: Bounty, kinds: Sequence[Kind]) -> tuple[str, ...]:
    """What the proofs do not say."""
    known = sum(kind != "model" for kind in kinds)
    said = [
        "A proof is about people like those of the hold-out; it says nothing of other places or later times.",
        "It says that a group can be served better, not that the model is fair now, nor that no other group is left.",
        "Groups that nobody submitted may have become worse; the table of groups shows those that the rules name.",
    ]
    if known:
        said.append(
            f"{known} of {len(kinds)} accepted submissions only answer the ids of the hold-out. For anybody else the"
            " list answers as if they were not there, so their gain does not reach new people until a model is"
            " trained on what they found."
        )
    if bounty.checker == "paired-z" and bounty.loss.name not in ("zero-one", "accuracy", "top"):
        said.append("The paired z-test holds as rows grow; with few rows that differ its error is approximate.")
    return tuple(said)


def _signed(number: float) -> str:
    return f"{'+' if number > 0 else '−' if number < 0 else ''}{digits(abs(number))}"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
