"""Configs: analysis_config.json, read, checked, refused or doubted, and its schema."""
