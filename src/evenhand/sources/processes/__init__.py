"""Processes: a table of one machine that several of its processes go through."""

from evenhand.sources.processes.frame import ProcessesFrame, over_processes

__all__ = ["ProcessesFrame", "over_processes"]
