"""Drift: what changed between two analysis.json documents, constraint_violations.json, and the gate around them."""
