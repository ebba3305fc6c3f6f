"""After training: the scores or decisions of a model that is there are changed, and the model is not."""
