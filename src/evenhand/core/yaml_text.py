"""YAML: plain values from text that may be hostile — no tags, no text that is small and means much, no depths."""

from typing import Any

import yaml

MOST_VALUES = 200_000
DEEPEST = 64
_LONGEST = 2 << 20  # the package reads about a megabyte a second


class UnfitYAML(yaml.YAMLError):
    """YAML that is well formed, and is not read."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def read_yaml(text: str) -> Any:
    """The values of a YAML text; raises yaml.YAMLError for all that cannot be read, and for what grows when read.

    Aliases are counted as often as they are used: nine lines of nine aliases each mean a billion values.
    """
    if len(text) > _LONGEST:
        raise UnfitYAML(f"it is longer than {_LONGEST:,} characters")
    try:
        return _read(yaml.SafeLoader(text))
    except RecursionError:
        raise UnfitYAML(f"it is nested deeper than {DEEPEST}") from None
    except (ValueError, LookupError, AttributeError, TypeError, ArithmeticError):
        # The package passes on what a date such as 2026-13-45, or a tag such as !!int on a word, raises.
        raise UnfitYAML("it holds a date or number that is none") from None


def _read(loader: yaml.SafeLoader) -> Any:
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _values(node, {}, 1)
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _values(node: yaml.Node, known: dict[int, int], depth: int) -> int:
    """How many values a node becomes; each node is looked at once, however often it is used."""
    if depth > DEEPEST:
        raise UnfitYAML(f"it is nested deeper than {DEEPEST}, or holds itself")
    if id(node) in known:
        return known[id(node)]
    number = 1 + sum(_values(each, known, depth + 1) for each in _inner(node))
    if number > MOST_VALUES:
        raise UnfitYAML(f"it holds more than {MOST_VALUES:,} values")
    known[id(node)] = number
    return number


def _inner(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    if isinstance(node, yaml.MappingNode):
        return [each for pair in node.value for each in pair]
    return []
