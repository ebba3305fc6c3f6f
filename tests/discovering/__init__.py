"""Tests of the search for groups and of what is left of its finds."""
