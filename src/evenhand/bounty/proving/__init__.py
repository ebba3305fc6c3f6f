"""Proving: the rows that nobody sees, and the judge who asks them; what is proven is merged, and repaired."""
