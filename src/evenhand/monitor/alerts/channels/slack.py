"""A Slack-compatible webhook: plain lines in which nothing from the data becomes a mention, a link or markup."""

from typing import Any

from evenhand.core.monitor import Alert
from evenhand.monitor.alerts.addresses import Reach
from evenhand.monitor.alerts.message import Message, lines
from evenhand.monitor.alerts.posting import post

MOST_LINES = 20
_NOTHING = "\u200b"  # a zero-width space, after which a sign has no meaning for Slack, Mattermost or Rocket.Chat
_SIGNS = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {sign: sign + _NOTHING for sign in "*_~`@[]#|!:"} | {"\n": " "}
)


def escaped(text: str) -> str:
    """Text in which no mention, link, emoji or markup is left, while it reads the same."""
    return text.translate(_SIGNS)


def payload(told: Message) -> dict[str, Any]:
    """What is posted: the title in bold, then a line for each thing."""
    said = lines(told.model_copy(update={"runbook": None}))
    more = [f"… and {len(said) - MOST_LINES} more lines."] if len(said) > MOST_LINES else []
    shown = [f"*{escaped(told.title)}*", *(escaped(line) for line in [*said[:MOST_LINES], *more])]
    # The link is the operator's own, not data; it is escaped as far as a link can be.
    shown += [f"What to do: {_link(told.runbook)}"] if told.runbook else []
    return {"text": "\n".join(shown), "unfurl_links": False, "unfurl_media": False, "link_names": False}


def _link(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")


def send(told: Message, channel: Alert, reach: Reach) -> None:
    """Post it; raises NotDelivered."""
    post(channel, payload(told), reach)
