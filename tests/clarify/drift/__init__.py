"""Tests of drift and gates."""
