"""Reports at the edges: every text hostile, or very many findings; and all reports by name."""

from collections.abc import Callable
from random import Random

from evenhand.core.finding import Finding
from evenhand.core.report import MetricNote, MissingValues, Report
from tests.renderers.reports import (
    Counts,
    asked,
    binary,
    finding,
    multiclass,
    profile,
    provenance,
    rate,
    regression,
    tiny,
)

HOSTILE = (
    "<script>window.marked=1</script>",
    "</script><script>window.marked=1</script>",
    "</style><style>*{display:none}</style>",
    '"><img src=x onerror="window.marked=1">',
    "'><svg onload=window.marked=1>",
    "javascript:window.marked=1",
    "{{7*7}}{% raise %}${7*7}",
    "<!--<script>",
    "]]>&lt;&amp;&#x3c;b>",
    "user\u202egnp.exe\u2066x",
    "nul\x00bell\x07tab\tline\nnext\x7f\x85end\u2028\u2029",
    "zero\u200bwidth\u00adhyphen\ufeffmark\u00a0space\u3164",
    "n" * 300,
    "👩‍🔬 семья 家族 عائلة",
    "a|b `code` [link](https://example.org) *bold* _under_ # | <b>",
    "https://example.org/pixel.png",
)


def hostile(text: str) -> Report:
    """A report in which every text that can come from outside is the given one."""
    group, other = Counts(text, text, 9, 2, 3, 40), Counts(text, f"not {text}", 20, 4, 3, 60)
    note = MetricNote(code=text, name=text, sentence=text, harm=text, parity=0.0, direction=text)
    return Report(
        title=text,
        audit=asked(label=text, score=text, facets=("x",), reference={text: text}, features=(text,)),
        outcome="binary",
        verdict="past",
        summary=(text,),
        findings=(
            finding(note, group, 0.3, verdict="past", against=text, label_class=text, reading=text),
            finding(note, other, None, verdict="undefined", against=text, reason=text, reading=text),
            finding(note, group, 0.02, verdict="cannot tell", against=f"{text} 2", reading=text),
        ),
        profiles=(
            profile(group).model_copy(update={"labels": {text: 12, "b": 42}, "errors": {text: 1.5}, "merged": 3}),
            profile(other).model_copy(update={"rates": (rate(text, 1, 2),)}),
        ),
        metrics=(note,),
        missing=(MissingValues(column=text, role=text, rows=3, policy="drop"),),
        notes=(text, "fine"),
        provenance=provenance(source=text, model=text, versions={text: text}, created=text, fingerprint=text),
    )


def large(facets: int, groups: int, metrics: int, seed: int = 0) -> Report:
    """Facets × groups × metrics findings, each with every number that a finding can have."""
    random = Random(seed)  # noqa: S311 - not for secrets
    notes = [
        MetricNote(
            code=f"M{number}",
            name=f"Difference in measure {number}",
            sentence=f"How much more often measure {number} is met by the rest than by the group.",
            harm="allocation: a chance is withheld",
            parity=0.0,
            direction="Positive: the group is worse off.",
        )
        for number in range(metrics)
    ]
    names = [(f"column_{facet}", f"column_{facet}=value {group}") for facet in range(facets) for group in range(groups)]
    counted = [Counts(facet, group, *(random.randint(20, 900) for _ in range(4))) for facet, group in names]
    return binary().model_copy(
        update={
            "audit": asked(label="y", score="score", facets=tuple(dict.fromkeys(facet for facet, _ in names))),
            "findings": tuple(_random_finding(random, counts, note) for counts in counted for note in notes),
            "profiles": tuple(profile(counts, scores=False) for counts in counted),
            "metrics": tuple(notes),
        }
    )


def _random_finding(random: Random, counts: Counts, note: MetricNote) -> Finding:
    value = random.gauss(0, 0.06)
    found = finding(note, counts, value, verdict="past" if abs(value) > 0.13 else "within", half=random.random() / 20)
    return found.model_copy(
        update={
            "p_value": random.random(),
            "p_corrected": random.random(),
            "minimum_detectable": random.random() / 10,
            "expected_without_gap": random.random() / 50,
            "corrected_value": value * 0.97,
            "reading": f"{random.random():.1%} of {counts.group} and {random.random():.1%} of the rest meet measure"
            f" {note.code}: {abs(value) * 100:.1f} percentage points apart.",
        }
    )


REPORTS: dict[str, Callable[[], Report]] = {
    "binary": binary,
    "multiclass": multiclass,
    "regression": regression,
    "tiny": tiny,
    "hostile": lambda: hostile(HOSTILE[0]),
    "large": lambda: large(facets=3, groups=4, metrics=30),
}
