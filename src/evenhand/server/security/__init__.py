"""Security: who asks, what they may do, and what is turned away before anyone looks at it."""
