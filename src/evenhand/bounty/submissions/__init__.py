"""Submissions: what strangers hand in, read within walls — a group, and answers of any kind for it."""
