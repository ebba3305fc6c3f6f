"""Checks: small pieces from which a validator of JSON is put together; each yields what it would turn away."""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from evenhand.clarify.config.key_paths import Step, nearest, written

NAMES: dict[type | None, str] = {
    bool: "true or false", int: "a whole number", float: "a number with a decimal point", str: "a text", None: "null",
}  # fmt: skip


@dataclass(frozen=True)
class Rejection:
    """One thing that is turned away: where it stands, why, and whether it is a key that nobody knows."""

    path: tuple[Step, ...]
    reason: str
    unknown: bool = False

    def __str__(self) -> str:
        return f"{written(self.path) or 'the document'}: {self.reason}"


Check = Callable[[tuple[Step, ...], object], Iterator[Rejection]]


def a(*kinds: type | None) -> Check:
    """Values of exactly these types: true is no whole number, and 1 is no number with a decimal point."""

    def check(path: tuple[Step, ...], value: object) -> Iterator[Rejection]:
        found = type(value) if value is not None else None
        if found not in kinds:
            allowed = " or ".join(NAMES[kind] for kind in kinds)
            yield Rejection(path, f"it must be {allowed}, and is {shown(value)}.")

    return check


def one_of(words: Collection[str]) -> Check:
    """One of these words, in whatever case."""

    def check(path: tuple[Step, ...], value: object) -> Iterator[Rejection]:
        if not isinstance(value, str) or value.lower() not in words:
            yield Rejection(path, f"it must be one of {', '.join(sorted(words))}, and is {shown(value)}.")

    return check


def passing(test: Callable[[object], bool], what: str) -> Check:
    """Values that pass a test, said in words."""

    def check(path: tuple[Step, ...], value: object) -> Iterator[Rejection]:
        if not test(value):
            yield Rejection(path, f"it must be {what}, and is {shown(value)}.")

    return check


def matching(pattern: str) -> Check:
    """Texts in which a pattern is found."""
    return passing(
        lambda value: isinstance(value, str) and re.search(pattern, value) is not None,
        f"a text in which {pattern} is found",
    )


def list_of(check_item: Check) -> Check:
    """A list whose items all pass."""

    def check(path: tuple[Step, ...], value: object) -> Iterator[Rejection]:
        if not isinstance(value, list):
            yield Rejection(path, f"it must be a list, and is {shown(value)}.")
            return
        for place, item in enumerate(value):
            yield from check_item((*path, place), item)

    return check


def either(*checks: Check) -> Check:
    """Whatever one of several checks lets through; else what the check that got furthest turns away."""

    def check(path: tuple[Step, ...], value: object) -> Iterator[Rejection]:
        failures = [list(option(path, value)) for option in checks]
        if all(failures):
            yield from max(failures, key=lambda found: len(found[0].path))

    return check


def mapping_of(check_item: Check | None = None) -> Check:
    """An object with any keys, whose values all pass."""

    def check(path: tuple[Step, ...], value: object) -> Iterator[Rejection]:
        if not isinstance(value, dict):
            yield Rejection(path, f"it must be an object, and is {shown(value)}.")
        elif check_item is not None:
            for key, item in value.items():
                yield from check_item((*path, str(key)), item)

    return check


@dataclass(frozen=True)
class Object:
    """An object with these keys and no others; some of them needed."""

    optional: Mapping[str, Check] = field(default_factory=dict)
    needed: Mapping[str, Check] = field(default_factory=dict)

    def __call__(self, path: tuple[Step, ...], value: object) -> Iterator[Rejection]:
        """What is turned away: missing keys, unknown keys, and values that do not pass."""
        if not isinstance(value, dict):
            yield Rejection(path, f"it must be an object, and is {shown(value)}.")
            return
        for name in self.needed:
            if name not in value:
                yield Rejection((*path, name), "this key is needed.")
        for name, item in value.items():
            inner = self.needed.get(name) or self.optional.get(name)
            if inner is None:
                yield Rejection((*path, name), f"unknown key {name!r}.{nearest((*path, name))}", unknown=True)
            else:
                yield from inner((*path, name), item)


def shown(value: object, most: int = 60) -> str:
    """A value as JSON would have it, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= most else f"{text[: most - 1]}…"
