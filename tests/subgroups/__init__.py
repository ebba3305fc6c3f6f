"""Tests of the searches for groups."""
