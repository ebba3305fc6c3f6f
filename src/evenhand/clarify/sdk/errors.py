"""Errors of the classes: evenhand's own, that are also what code written for the sagemaker SDK catches."""

from evenhand.core.errors import SpecError


class InvalidConfig(SpecError, ValueError):
    """An argument of a config class makes no sense."""


class InvalidConfigType(InvalidConfig, TypeError):
    """An argument is of a type that cannot be used."""


class AmbiguousConfig(InvalidConfig, AssertionError):
    """Arguments that exclude each other were given together, or none of them was."""


class EmptyConfig(InvalidConfig, AttributeError):
    """Nothing to compute was asked for."""


class InvalidCheck(InvalidConfig, RuntimeError):
    """A check step was given what is no check."""
