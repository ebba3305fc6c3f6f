"""Tests of the store: one contract over both databases, laws, crashes and migrations."""
