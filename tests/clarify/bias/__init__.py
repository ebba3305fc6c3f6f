"""Tests of bias in Clarify's shape: what smclarify 0.5 gives, what is right, and where the two differ."""
