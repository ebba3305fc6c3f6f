"""The API: one router a file."""
