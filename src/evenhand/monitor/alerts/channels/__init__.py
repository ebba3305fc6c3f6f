"""Channels: one file each; a channel makes its own shape of a message and hands it over, or raises NotDelivered."""

from collections.abc import Callable

from evenhand.core.monitor import Alert
from evenhand.monitor.alerts.addresses import Reach
from evenhand.monitor.alerts.channels import (
    alertmanager,
    cloudwatch,
    command,
    opentelemetry,
    slack,
    smtp,
    webhook,
)
from evenhand.monitor.alerts.message import Message

Send = Callable[[Message, Alert, Reach], None]

# One line a member.
CHANNELS: dict[str, Send] = {
    "webhook": webhook.send,
    "slack": slack.send,
    "alertmanager": alertmanager.send,
    "smtp": smtp.send,
    "cloudwatch": cloudwatch.send,
    "opentelemetry": opentelemetry.send,
    "command": command.send,
}
