"""Migrations: how the tables of a store became what they are, step by step."""
