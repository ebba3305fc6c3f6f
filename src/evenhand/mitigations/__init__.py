"""Mitigations: ways to make a model treat groups more alike; a room for each moment, and a file for each way."""
