"""Tests of the online explainer."""
