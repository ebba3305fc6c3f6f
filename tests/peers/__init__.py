"""Agreement with other toolkits, and where they are known to differ."""
