"""Certificates: checkers, which decide on rows that nobody saw whether a gain is more than chance."""
