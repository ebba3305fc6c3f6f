"""Delivering: a version of a bounty's model as a folder like any other model's, with its history and its card."""

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evenhand.bounty.afterwards.card import card_of, render_card
from evenhand.bounty.judging.merging import Merged, Merging
from evenhand.bounty.proving.holdout import BASE, FILES, opened
from evenhand.bounty.submissions.answering import answering_of
from evenhand.bounty.submissions.sandbox import Sandbox
from evenhand.core.errors import EvenhandError
from evenhand.core.store import Store
from evenhand.models.leaf_tables import answers_table
from evenhand.models.listed import Leaf, Listed, read_listed, save_listed

HISTORY, CARD, PAGE = "history.json", "card.json", "card.html"


def deliver(
    folder: Path, store: Store, out: Path, *, sandbox: Sandbox, version: int | None = None, owner: bool = True
) -> Listed:
    """Write the model of a bounty's folder as it is at a version, by default the newest; whole or not at all.

    `load_model` reads it. Submissions that were predictions, or code, answer the ids of the hold-out only; for other
    rows the list answers as if they were not there. Without `owner` there is no proof of any number in it, so that it
    may be handed to hunters. Raises SpecError for a version that there is not, EvenhandError where the place is taken.
    """
    if out.exists():
        raise EvenhandError(f"{str(out)!r} is there already; remove it, or choose another folder.")
    bounty, holdout = opened(folder)
    merging = Merging(bounty, holdout, folder, sandbox).take_up(store)
    kept = merging.up_to(version)
    at = merging.list.version if version is None else version
    listed, files = _listed(merging, folder)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as beside:
            made = Path(beside) / "model"
            save_listed(made, listed.at(at), files)
            _describe(made, store, merging, kept, version=at, owner=owner)
            shutil.move(made, out)
    except OSError as error:
        raise EvenhandError(f"Cannot write {str(out)!r}: {error.strerror or error}.") from None
    return listed.at(at)


def _describe(made: Path, store: Store, merging: Merging, kept: Sequence[Merged], *, version: int, owner: bool) -> None:
    """What lies beside the model; a card has numbers of the rows of proof, and is the owner's."""
    history = [_told(merging, each, owner=owner) for each in kept]
    (made / HISTORY).write_text(json.dumps(history, indent=1, ensure_ascii=False), encoding="utf-8")
    if owner:
        card = card_of(store, merging, version)
        (made / CARD).write_text(card.model_dump_json(indent=1), encoding="utf-8")
        (made / PAGE).write_text(render_card(card), encoding="utf-8")


def _told(merging: Merging, merged: Merged, *, owner: bool) -> dict[str, Any]:
    submission, verdict = merged.submission, merged.verdict
    told: dict[str, Any] = {
        "number": submission.number, "team": submission.team, "kind": submission.kind, "group": submission.group,
        "digest": submission.digest, "version": merged.version, "first_version": merging.first_of(merged),
        "repairs": verdict.repairs, "received": submission.received.isoformat(),
    }  # fmt: skip
    ruling = verdict.ruling
    if owner and ruling is not None:
        told |= {
            "gain": ruling.gain, "low": ruling.low, "high": ruling.high, "error": ruling.confidence, "bar": ruling.bar,
            "rows": ruling.rows, "before": verdict.before, "after": verdict.after,
        }  # fmt: skip
    return told


def _listed(merging: Merging, folder: Path) -> tuple[Listed, dict[str, bytes | Path]]:
    """The decision list of all versions, and where its files are."""
    bounty = merging.bounty
    base = read_listed(folder / BASE)
    files: dict[str, bytes | Path] = {name: folder / BASE / name for name in base.files}
    leaves = [base.leaves[0]]
    for place, merged in enumerate(merging.merged, start=1):
        leaf, content = _leaf(merging, merged, place, folder)
        leaves.append(leaf)
        files[str(leaf.file or leaf.table)] = content
    listed = Listed(
        name=bounty.name, list=merging.list, groups=tuple(each.submission.group for each in merging.merged),
        leaves=tuple(leaves), answering=answering_of(bounty.loss), classes=bounty.classes, identity=bounty.identity,
        features=bounty.features,
    )  # fmt: skip
    return listed, files


def _leaf(merging: Merging, merged: Merged, place: int, folder: Path) -> tuple[Leaf, bytes | Path]:
    submission, claim = merged.submission, merged.claim
    if submission.kind == "model":
        ending = Path(submission.name).suffix.lower()
        leaf = Leaf(file=f"leaf-{place}{ending}", number=submission.number, team=submission.team)
        return leaf, folder / FILES / submission.file
    leaf = Leaf(table=f"leaf-{place}.parquet", number=submission.number, team=submission.team)
    ids = merging.holdout.ids[claim.mask].tolist()
    return leaf, answers_table(ids, claim.answers[claim.mask])
