"""Sending what is queued: tried again with growing pauses until it arrives or is given up, and recorded."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import SystemRandom

from evenhand.core.errors import EvenhandError
from evenhand.core.monitor import Alert, Monitor
from evenhand.core.store import Delivery, Store
from evenhand.monitor.alerts.addresses import NotDelivered, Reach
from evenhand.monitor.alerts.channels import CHANNELS
from evenhand.monitor.alerts.message import Message, cut, fingerprint, read

TRIES = 20  # over about two days, so that a receiver that is away for a weekend is still told
FIRST_PAUSE = 30.0  # seconds, doubled with every try
LONGEST_PAUSE = 21_600.0
AT_ONCE = 2  # a store hands a delivery out for a minute, and each may take twenty seconds
MOST_ROUNDS = 500
_CHANCE = SystemRandom().random


@dataclass(frozen=True)
class Sent:
    """How many messages arrived, are to be tried again, and were given up."""

    delivered: int = 0
    postponed: int = 0
    given_up: int = 0


def deliver_due(
    store: Store,
    monitors: Mapping[str, Monitor],
    now: datetime,
    *,
    reach: Reach | None = None,
    jitter: Callable[[], float] = _CHANCE,
) -> Sent:
    """Send every message whose time has come; a channel that fails stops no other.

    `monitors` are definitions by name; those not among them are asked of the store. `reach` says which inner hosts and
    programs the settings allow. A message may arrive twice where a sender dies after sending; its key is then the same.
    Raises EvenhandError where the store does.
    """
    counts: Counter[str] = Counter()
    silent: dict[str, NotDelivered] = {}
    began = time.monotonic()
    for _ in range(MOST_ROUNDS):
        at = now + timedelta(seconds=time.monotonic() - began)
        due = store.due_deliveries(at, AT_ONCE)
        for delivery in due:
            failure = _tried(delivery, store, monitors, reach or Reach(), silent)
            counts[_settled(delivery, store, failure, at, jitter)] += 1
        if not due:
            break
    return Sent(counts["delivered"], counts["postponed"], counts["given up"])


def _settled(
    delivery: Delivery, store: Store, failure: NotDelivered | None, at: datetime, jitter: Callable[[], float]
) -> str:
    """Record how one message went."""
    if failure is None:
        store.settle_delivery(delivery.id, error=None, next_try=None, at=at)
        return "delivered"
    again = failure.again and delivery.attempts + 1 < TRIES
    next_try = at + pause(delivery.attempts, failure.after, jitter()) if again else None
    store.settle_delivery(delivery.id, error=cut(str(failure)), next_try=next_try, at=at)
    return "postponed" if again else "given up"


def _tried(
    delivery: Delivery, store: Store, monitors: Mapping[str, Monitor], reach: Reach, silent: dict[str, NotDelivered]
) -> NotDelivered | None:
    """Why a message did not arrive; a channel that just failed is not asked again for the next message."""
    try:
        told = read(delivery.payload)
        channel = _channel(told, monitors, store)
    except NotDelivered as failure:
        return failure
    except EvenhandError as error:
        return NotDelivered(str(error), again=False)
    if told.channel not in silent:
        found = _sent(told, channel, reach)
        if found is None or not found.again:
            return found
        silent[told.channel] = found
    return silent[told.channel]


def _sent(told: Message, channel: Alert, reach: Reach) -> NotDelivered | None:
    """Why a channel did not take it; what an unknown error says is not kept, for it may hold a secret."""
    try:
        CHANNELS[channel.to](told, channel, reach)
    except NotDelivered as failure:
        return failure
    except Exception as error:
        return NotDelivered(f"Sending failed: {type(error).__name__}.")
    return None


def _channel(told: Message, monitors: Mapping[str, Monitor], store: Store) -> Alert:
    """The channel that a message was queued for, wherever in the definition it stands now."""
    monitor = monitors.get(told.monitor) or store.monitor(told.monitor)
    for channel in monitor.alerts:
        if fingerprint(channel) == told.channel:
            return channel
    raise NotDelivered("The channel was removed or changed after the message was queued.", again=False)


def pause(attempts: int, asked: float | None, chance: float) -> timedelta:
    """How long to wait: doubling with every try, half of it by chance, and never shorter than the receiver asked."""
    longest = min(FIRST_PAUSE * 2.0 ** min(attempts, 30), LONGEST_PAUSE)
    return timedelta(seconds=max(longest * (0.5 + chance / 2), asked or 0.0))
