"""Hunted: real bounties in a folder with a SQLite log, in which tests hand in and judge without a server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.bounty.judging.running import claim_of
from evenhand.bounty.judging.taking import Sent, taken
from evenhand.bounty.proving.holdout import Holdout, opened
from evenhand.bounty.proving.judge import Judge
from evenhand.bounty.proving.opening import Opening, opened_in
from evenhand.bounty.submissions.claims import Claim
from evenhand.bounty.submissions.sandbox import Sandbox
from evenhand.core.bounty import Bounty, Submission, Verdict
from evenhand.core.group import Group
from evenhand.core.loss import Loss
from evenhand.core.store import Store
from evenhand.models.membership import Members
from evenhand.stores import open_store

Array = NDArray[Any]


@dataclass(eq=False)
class Hunt:
    """A bounty that was opened, and its judge."""

    folder: Path
    store: Store
    sandbox: Sandbox
    bounty: Bounty
    holdout: Holdout
    judge: Judge
    verdicts: list[Verdict] = field(default_factory=list)

    def mask(self, group: str) -> Array:
        """Which hidden rows are in a group."""
        return Members(self.holdout.columns).mask(Group.parse(group))

    def send(self, team: str, group: str, answers: Array) -> Submission:
        """Hand in answers for all hidden rows, coded as the loss reads them."""
        if team not in {each.name for each in self.store.teams(self.bounty.name)}:
            self.store.join(self.bounty.name, team, None)
        file = self.folder / "sent.parquet"
        write_predictions(file, self, answers)
        sent = Sent(team, "predictions", Group.parse(group), file, "sent.parquet")
        return taken(self.store, self.folder, self.bounty, sent)

    def try_(self, team: str, group: str, answers: Array) -> Verdict:
        """Hand in, and judge at once."""
        submission = self.send(team, group, answers)
        claim = claim_of(self.bounty, self.holdout, submission, self.folder, self.sandbox)
        assert isinstance(claim, Claim), claim.told
        verdict = self.judge.judged(submission, claim)
        assert self.store.end_submission(self.bounty.name, verdict)
        self.verdicts.append(verdict)
        return verdict


def write_predictions(file: Path, hunt: Hunt, answers: Array) -> None:
    """Answers as the file that a team sends."""
    import pyarrow
    from pyarrow import parquet

    bounty = hunt.bounty
    columns: dict[str, Any] = {bounty.identity: hunt.holdout.ids.astype(str)}
    if bounty.loss.of_labels:
        columns["prediction"] = [str(bounty.classes[place]) for place in answers.tolist()]
    elif bounty.loss.of_numbers:
        columns["prediction"] = answers
    else:
        columns |= {str(each): answers[:, place] for place, each in enumerate(bounty.classes)}
    parquet.write_table(pyarrow.table(columns), file)


def hunt_in(place: Path, sandbox: Sandbox, opening: Opening) -> Hunt:
    """Open a bounty below a folder, with a log of its own."""
    folder = place / opening.name
    bounty = opened_in(folder, opening).bounty
    store = open_store(f"sqlite:///{place}/{opening.name}.db")
    store.open_bounty(bounty)
    _, holdout = opened(folder)
    return Hunt(folder, store, sandbox, bounty, holdout, Judge(bounty, holdout))


def planted_table(loss: Loss, *, rows: int = 6000, classes: int = 2, seed: int = 0) -> Mapping[str, Any]:
    """Rows whose label is `truth` but for noise; recorded answers that are mostly wrong for those under thirty."""
    numbers = np.random.default_rng(seed)
    truth = numbers.integers(classes, size=rows)
    age = numbers.integers(18, 80, rows)
    wrong = numbers.random(rows) < np.where(age < 30, 0.8, 0.1)
    said = np.where(wrong, (truth + 1) % classes, truth)
    label = np.where(numbers.random(rows) < 0.05, (truth + 1) % classes, truth)
    columns: dict[str, Any] = {
        "id": [f"p{place}" for place in range(rows)], "age": age, "truth": truth, "noise": numbers.random(rows).round(4),
        "region": numbers.choice(["north", "south", "east"], rows),
    }  # fmt: skip
    if loss.of_numbers:
        return columns | {"label": label.astype(float), "said": said.astype(float)}
    named = np.array([f"c{each}" for each in range(classes)])
    columns["label"] = named[label]
    if loss.of_labels:
        return columns | {"said": named[said]}
    return columns | {f"p_c{each}": np.where(said == each, 0.9, 0.1 / (classes - 1)) for each in range(classes)}


def planted(
    loss: str = "zero-one", *, name: str = "planted", classes: int = 2, rows: int = 6000, **rules: Any
) -> Opening:
    """A bounty on a planted table."""
    meant = Loss.parse(loss)
    table = planted_table(meant, rows=rows, classes=classes)
    single = meant.of_labels or meant.of_numbers
    return Opening(
        name=name, data=table, label="label", identity="id", features=("age", "truth", "noise", "region"),
        predicted=("said",) if single else tuple(f"p_c{each}" for each in range(classes)),
        rules={"loss": meant, "budget": 100, "accept_at_most": 10, "seed": 1} | rules,
    )  # fmt: skip


def better(hunt: Hunt) -> Array:
    """Answers that are right but for noise, as the loss reads them."""
    truth = np.asarray(hunt.holdout.columns["truth"]).astype(int)
    return coded_answers(hunt, truth)


def coded_answers(hunt: Hunt, places: Array) -> Array:
    """Places of classes as answers of the loss."""
    if hunt.bounty.loss.of_labels:
        return places
    if hunt.bounty.loss.of_numbers:
        return places.astype(float)
    classes = len(hunt.bounty.classes)
    return np.where(np.arange(classes) == places[:, None], 0.9, 0.1 / (classes - 1))


def useless(hunt: Hunt, seed: int) -> Array:
    """Answers that have nothing to do with the labels."""
    classes = max(len(hunt.bounty.classes), 2)
    return coded_answers(hunt, np.random.default_rng(seed).integers(classes, size=len(hunt.holdout)))
