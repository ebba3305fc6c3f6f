"""Tests of the SDK's classes."""
