"""Explanations in Clarify's shapes: of tables, texts, images and time series."""
