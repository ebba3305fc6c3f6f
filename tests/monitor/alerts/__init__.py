"""Tests of alerts: rules, channels, sending and addresses, against real servers on loopback and a real store."""
