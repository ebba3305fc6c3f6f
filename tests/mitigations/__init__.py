"""Tests of the mitigations."""
