"""Client: the verbs of a server from Python."""

from evenhand.client.answers import Refusal
from evenhand.client.client import Client
from evenhand.client.hunting import join

__all__ = ["Client", "Refusal", "join"]
