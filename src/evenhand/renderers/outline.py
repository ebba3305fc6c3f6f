"""What a report shows and in which order: the outline that the page and the Markdown text share."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from evenhand.core.condition import Both
from evenhand.core.condition_text import write
from evenhand.core.errors import GroupSyntaxError
from evenhand.core.finding import Finding
from evenhand.core.group import Group
from evenhand.core.report import MetricNote, Profile, Report

CROSS = " × "
Questions = dict[tuple[str, str | None], dict[tuple[str, str], Finding]]


@dataclass(frozen=True)
class Standing:
    """A group with findings past their thresholds, the furthest first.

    `mirror` is the only other group of the facet, where its findings say the same from the other side.
    """

    facet: str
    group: str
    against: str
    findings: tuple[Finding, ...]
    mirror: str | None = None


@dataclass(frozen=True)
class Grid:
    """The groups of a crossing by row and column; a pair without rows has no cell."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: dict[tuple[str, str], Profile]


@dataclass(frozen=True)
class Part:
    """One facet or crossing of the report, with its groups and findings."""

    number: int
    facet: str
    profiles: tuple[Profile, ...]
    findings: tuple[Finding, ...]

    @property
    def crossed(self) -> bool:
        """Whether several facets are crossed here."""
        return CROSS in self.facet

    @property
    def names(self) -> tuple[str, ...]:
        """The groups: those counted, then those that only findings speak of."""
        found = (finding.group for finding in self.findings)
        return tuple(dict.fromkeys((*(profile.group for profile in self.profiles), *found)))

    @cached_property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Each group with what it is compared with, in the order of the groups; the columns of the table.

        A pair that only a few metrics speak of, such as the two groups furthest apart, is no column: see `apart`.
        """
        sizes = Counter((finding.group, finding.against) for finding in self.findings)
        enough = max(sizes.values(), default=0) / 3
        place = {name: number for number, name in enumerate(self.names)}
        return tuple(sorted((pair for pair in sizes if sizes[pair] >= enough), key=lambda pair: place[pair[0]]))

    @property
    def many_against(self) -> bool:
        """Whether some group is compared with more than one other."""
        return len(self.pairs) > len({group for group, _ in self.pairs})

    @cached_property
    def apart(self) -> tuple[Finding, ...]:
        """The findings outside of the table of all measures."""
        columns = set(self.pairs)
        return tuple(finding for finding in self.findings if (finding.group, finding.against) not in columns)

    @cached_property
    def questions(self) -> Questions:
        """The findings by metric and class, and then by group and what it is compared with."""
        table: Questions = {}
        for finding in self.findings:
            table.setdefault((finding.metric, finding.label_class), {})[finding.group, finding.against] = finding
        return table

    def rows(self, judged: bool) -> Questions:
        """The rows of the table of all measures: those with a verdict, or those where nothing was judged."""
        columns = set(self.pairs)
        return {
            question: cells
            for question, cells in self.questions.items()
            if columns & set(cells) and judged == any(cell.verdict != "not judged" for cell in cells.values())
        }

    @property
    def rate_names(self) -> tuple[str, ...]:
        """The rates that at least one group has."""
        return tuple(dict.fromkeys(rate.name for profile in self.profiles for rate in profile.rates))

    @property
    def error_names(self) -> tuple[str, ...]:
        """The numbers about errors that at least one group has."""
        return tuple(dict.fromkeys(name for profile in self.profiles for name in profile.errors))

    def short(self, group: str) -> str:
        """The name of a group where its facet is plain from the place: `White` for `race=White`."""
        return group.removeprefix(f"{self.facet}=") or group

    def of_group(self, group: str) -> tuple[Finding, ...]:
        """What was found of one group."""
        return tuple(finding for finding in self.findings if finding.group == group)

    def grid(self) -> Grid | None:
        """The groups of a crossing as a table: its last facet across, the others down."""
        cells = {}
        for profile in self.profiles:
            names = _row_and_column(profile.group, self.facet.count(CROSS) + 1)
            if names is None or names in cells:
                return None
            cells[names] = profile
        rows, columns = (tuple(dict.fromkeys(names[side] for names in cells)) for side in (0, 1))
        return Grid(rows, columns, cells)


def parts(report: Report) -> tuple[Part, ...]:
    """The facets in the order of the report, then the crossings."""
    facets = dict.fromkeys(item.facet for items in (report.profiles, report.findings) for item in items)
    ordered = sorted(facets, key=lambda facet: CROSS in facet)
    return tuple(
        Part(
            number,
            facet,
            tuple(profile for profile in report.profiles if profile.facet == facet),
            tuple(finding for finding in report.findings if finding.facet == facet),
        )
        for number, facet in enumerate(ordered, start=1)
    )


def standing_out(report: Report) -> tuple[Standing, ...]:
    """The groups with findings past their thresholds, the furthest past first; two sides of one gap only once."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in sorted(report.past, key=distance, reverse=True):
        groups.setdefault((finding.facet, finding.group, finding.against), []).append(finding)
    mirrors = _mirrors(report)
    return tuple(
        Standing(facet, group, against, tuple(findings), mirror=mirrors.get((facet, group)))
        for (facet, group, against), findings in groups.items()
        if (facet, group) not in {(facet, mirror) for (facet, _), mirror in mirrors.items()}
    )


def _mirrors(report: Report) -> dict[tuple[str, str], str]:
    """The smaller group of each facet that has only two, with the larger, whose rest the smaller is."""
    facets: dict[str, list[Profile]] = {}
    for profile in report.profiles:
        facets.setdefault(profile.facet, []).append(profile)
    pairs = (sorted(profiles, key=lambda profile: profile.rows) for profiles in facets.values() if len(profiles) == 2)
    compared = {(finding.facet, finding.group) for finding in report.past}
    return {
        (small.facet, small.group): large.group
        for small, large in pairs
        if report.audit.comparison == "one-vs-rest" and (small.facet, small.group) in compared
    }


def undecided(report: Report) -> dict[tuple[str, str], tuple[Finding, ...]]:
    """What cannot be told, by facet and group."""
    groups: dict[tuple[str, str], tuple[Finding, ...]] = {}
    for finding in report.findings:
        if finding.verdict in ("cannot tell", "too little data"):
            key = finding.facet, finding.group
            groups[key] = (*groups.get(key, ()), finding)
    return groups


def distance(finding: Finding) -> float:
    """How far a value lies from parity, in units of the furthest acceptable value: 2 is twice the tolerance."""
    if finding.value is None or finding.acceptable is None:
        return 0.0
    low, high = finding.acceptable
    middle = finding.parity if finding.parity is not None else (low + high) / 2
    bound = high if finding.value > middle else low
    # 0.5 and 2 are equally far from a ratio of 1.
    if finding.parity == 1 and min(finding.value, bound) >= 0:
        middle, bound, value = 0.0, _logarithm(bound), _logarithm(finding.value)
    else:
        value = finding.value
    if math.isinf(bound):
        return 0.0
    return abs((value - middle) / (bound - middle)) if bound != middle else math.inf


def _logarithm(number: float) -> float:
    return math.log(number) if number > 0 else -math.inf


def _row_and_column(group: str, facets: int) -> tuple[str, str] | None:
    try:
        condition = Group.parse(group).condition
    except GroupSyntaxError:
        return None
    if not isinstance(condition, Both) or len(condition.parts) != facets:
        return None
    texts = [write(part, "both") for part in condition.parts]
    return " & ".join(texts[:-1]), texts[-1]


def direction(note: MetricNote) -> str:
    """What the sign of a metric means, said of groups in general."""
    return note.direction.replace("{group}", "the group").replace("{rest}", "the rest")


def numbers(parts: Iterable[Part]) -> dict[str, int]:
    """The number of each facet, which its anchor in the page is made of; names of the data never are."""
    return {part.facet: part.number for part in parts}
