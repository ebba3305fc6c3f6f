"""Tests of stored tallies that are added up."""
