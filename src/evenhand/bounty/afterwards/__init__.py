"""Afterwards: the better model with its history, the card, everything as files, and finds as facets and findings."""
