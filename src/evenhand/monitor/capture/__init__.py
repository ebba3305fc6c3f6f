"""Capture: records of production, taken in so that nothing acknowledged is lost and nothing counts twice."""

from evenhand.monitor.capture.capture import Capture, Receipt
from evenhand.monitor.capture.reading import take_in
from evenhand.monitor.capture.traffic import Traffic

__all__ = ["Capture", "Receipt", "Traffic", "take_in"]
