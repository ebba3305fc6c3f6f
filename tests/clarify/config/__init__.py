"""Reading configs, and the command line around them."""
