"""Sending predictions from a running service: a few lines that never slow it down and never make it fail."""

from evenhand.monitor.sending.capturing import Capturing, captured
from evenhand.monitor.sending.counts import Counts
from evenhand.monitor.sending.sender import Bounds, Sender

__all__ = ["Bounds", "Capturing", "Counts", "Sender", "captured"]
