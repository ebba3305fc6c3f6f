"""Settled: what all parts of a folder are counted for: the audit, with the outcome as the first part showed it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from evenhand.core.audit import Audit
from evenhand.core.errors import DataError, EvenhandError, SpecError, UnreadableSource
from evenhand.core.facet import Facet
from evenhand.core.tally import Tally
from evenhand.core.tally_text import facet_fact, facet_of
from evenhand.parts.stored import write_new

FILE = "audit.json"
SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What was asked, and what every tally of the folder carries.

    `asked` is the audit as the user gave it and `counted` the one that the tallies name; `kinds` are the columns of the
    first part, where it was a table, and `model` the name of the model that was asked, if any.
    """

    asked: Audit
    counted: Audit
    facets: Mapping[str, Facet]
    kinds: Mapping[str, str]
    notes: tuple[str, ...] = ()
    model: str | None = None

    @property
    def audit(self) -> Audit:
        """The audit that the next part is to be counted for: predictions of a model are no columns of it yet."""
        return self.asked.model_copy(update={name: getattr(self.counted, name) for name in ("outcome", "positive")})

    def check(self, name: str, tally: Tally) -> None:
        """Raise where the tally of a part answers other questions."""
        if differing := differences(self.counted, tally.audit):
            raise SpecError(
                f"The part {name!r} was counted for another audit: {', '.join(differing)} differ from the parts that "
                "are there; count it for the same audit, or add it to another folder."
            )
        if other := [text for text, facet in self.facets.items() if tally.facets.get(text) != facet]:
            raise DataError(
                f"The facet {other[0]!r} names a column in some parts and a condition in others, as the columns of "
                f"{name!r} are others; rename that column."
            )

    def check_asked(self, audit: Audit, folder: Path) -> None:
        """Raise where the folder was begun for another audit."""
        if differing := differences(self.asked, audit):
            raise SpecError(
                f"The parts in {str(folder)!r} were counted for another audit: {', '.join(differing)} differ; ask the "
                "same, or choose another folder."
            )

    def check_model(self, model: str | None, folder: Path) -> None:
        """Raise where another model is to be asked than for the first part."""
        if model != self.model:
            first, second = (f"the model {name}" if name else "no model" for name in (self.model, model))
            raise SpecError(
                f"The parts in {str(folder)!r} were counted with {first}, and this one would be with {second}; give "
                "the same, or choose another folder."
            )


def settled_tally(tally: Tally) -> Tally:
    """The tally with an audit that says which outcome and favourable classes it was counted with."""
    outcome = None if tally.outcome == "binary" else tally.outcome
    audit = tally.audit.model_copy(update={"outcome": outcome, "positive": tally.positive})
    return replace(tally, audit=audit)


def first_of(asked: Audit, tally: Tally) -> Settled:
    """What a first part settles; its audit must be the one asked but for what it settled."""
    predicted = ("predicted_label", "score") if asked.predicted_label is None and asked.score is None else ()
    names = ("outcome", "positive", *predicted)
    counted = asked.model_copy(update={name: getattr(tally.audit, name) for name in names})
    return Settled(asked=asked, counted=counted, facets=tally.facets, kinds={})


def differences(first: Audit, second: Audit) -> list[str]:
    """The settings in which two audits differ."""
    return [name for name in Audit.model_fields if getattr(first, name) != getattr(second, name)]


def standing(folder: Path) -> Settled | None:
    """What the folder's first part settled; None where there is none yet."""
    path = folder / FILE
    try:
        return _settled(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnreadableSource(f"Cannot read the folder of parts {str(folder)!r}: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError, EvenhandError, RecursionError):
        raise UnreadableSource(f"{str(path)!r} is not what evenhand wrote there; choose another folder.") from None


def settle(folder: Path, found: Settled) -> Settled:
    """Write what the first part settled; where another writer was first, what that one settled."""
    if write_new(folder / FILE, json.dumps(_facts(found), indent=1) + "\n"):
        return found
    return standing(folder) or found


def _facts(found: Settled) -> dict[str, Any]:
    return {
        "parts": SCHEMA,
        "asked": found.asked.model_dump(mode="json"),
        "counted": found.counted.model_dump(mode="json"),
        "facets": {text: facet_fact(facet) for text, facet in found.facets.items()},
        "kinds": dict(found.kinds),
        "notes": list(found.notes),
        "model": found.model,
    }


def _settled(facts: Mapping[str, Any]) -> Settled:
    if facts["parts"] != SCHEMA:
        raise ValueError("another schema")
    return Settled(
        asked=Audit.model_validate(facts["asked"]),
        counted=Audit.model_validate(facts["counted"]),
        facets={text: facet_of(fact) for text, fact in facts["facets"].items()},
        kinds={str(name): str(kind) for name, kind in facts["kinds"].items()},
        notes=tuple(str(note) for note in facts["notes"]),
        model=facts["model"],
    )
