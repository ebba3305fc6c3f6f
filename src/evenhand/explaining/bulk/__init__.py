"""Bulk: many rows explained by many workers, who hand back sums and a sample."""

from evenhand.explaining.bulk.run import FEW, in_bulk, run_spread

__all__ = ["FEW", "in_bulk", "run_spread"]
