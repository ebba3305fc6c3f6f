"""Tests of the page, the notebook and the PDF of a run."""
