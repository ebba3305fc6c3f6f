"""Judging: the log of a bounty and its files together — handed in, judged in turn, merged, and judged again."""
