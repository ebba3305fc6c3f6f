"""Bounties."""
