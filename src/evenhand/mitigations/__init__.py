"""Mitigations: ways to make a model treat groups more alike — before, in and after training; one a file."""
