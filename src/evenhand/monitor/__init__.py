"""Monitor: predictions as they happen, truth as it arrives, windows compared with a baseline, and people told once."""
