"""Tests of sending from a running service."""
