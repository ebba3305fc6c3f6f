"""The online explainer: an ASGI sidecar that answers predictions with what they owe to each feature."""

from evenhand.clarify.online.application import explainer_app
from evenhand.clarify.online.online_config import OnlineConfig

__all__ = ["OnlineConfig", "explainer_app"]
