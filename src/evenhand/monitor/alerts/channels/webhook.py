"""A webhook: our own JSON, with a key that is the same for every try, and a signature where a secret is given."""

import hashlib
import hmac

from evenhand.core.monitor import Alert
from evenhand.monitor.alerts.addresses import Reach, secret
from evenhand.monitor.alerts.message import Message
from evenhand.monitor.alerts.posting import post


def send(told: Message, channel: Alert, reach: Reach) -> None:
    """Post the message as it is; the option `secret` signs it; raises NotDelivered."""
    body = told.model_dump_json().encode()
    headers = {"Idempotency-Key": told.key}
    key = secret(channel.options, "secret", reach)
    if key is not None:
        headers["X-Evenhand-Signature"] = "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    post(channel, body, reach, headers)
