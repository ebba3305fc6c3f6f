"""Before training: the rows, their labels, weights or features are changed, and any model is trained on them."""
