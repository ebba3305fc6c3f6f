"""Tests of the renderers, on reports made by hand."""
