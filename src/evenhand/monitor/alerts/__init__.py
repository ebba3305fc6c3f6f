"""Alerts: which drifts people are told, through which channels, and how what could not be sent is sent again."""

from evenhand.monitor.alerts.addresses import Reach
from evenhand.monitor.alerts.exposition import metrics_text
from evenhand.monitor.alerts.rules import failed, notify
from evenhand.monitor.alerts.sending import Sent, deliver_due

__all__ = ["Reach", "Sent", "deliver_due", "failed", "metrics_text", "notify"]
