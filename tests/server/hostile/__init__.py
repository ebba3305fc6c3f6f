"""What strangers send to a server, and that nothing of it gets in."""
