"""Hunting: automatic hunters, who look for groups that a model serves worse than it could, and for better answers."""

from evenhand.bounty.hunting.hunters import HUNTERS, HunterName
from evenhand.bounty.hunting.hunting import Find, hunt
from evenhand.bounty.hunting.rehearsing import Expected, rehearse
from evenhand.bounty.hunting.rows import Known, Unlabelled

__all__ = ["HUNTERS", "Expected", "Find", "HunterName", "Known", "Unlabelled", "hunt", "rehearse"]
