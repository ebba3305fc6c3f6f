"""Drift: what changed against the baseline — bias, data, attributions, estimated performance — and repeated looks."""

from evenhand.monitor.drift.attributions import attribution_drifts, ndcg, rank_correlation, total_variation
from evenhand.monitor.drift.bias import bias_drifts
from evenhand.monitor.drift.binning import Binning
from evenhand.monitor.drift.data import data_drifts
from evenhand.monitor.drift.distances import js_distance, ks_distance, psi
from evenhand.monitor.drift.estimate import estimated_performance, estimates_of
from evenhand.monitor.drift.histograms import Histograms, histograms_of
from evenhand.monitor.drift.looks import Looks

__all__ = [
    "Binning",
    "Histograms",
    "Looks",
    "attribution_drifts",
    "bias_drifts",
    "data_drifts",
    "estimated_performance",
    "estimates_of",
    "histograms_of",
    "js_distance",
    "ks_distance",
    "ndcg",
    "psi",
    "rank_correlation",
    "total_variation",
]
