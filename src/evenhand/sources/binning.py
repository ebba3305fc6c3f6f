"""Binning: what every engine must do alike, to the last bit, so that cubes of different engines add up."""

# The edges of logarithmic bins lie this fraction of a bin below their places. Engines round log2 differently by about
# 1e-15; natural values such as exact powers of two then fall into the same bin everywhere.
EDGE = 1e-9
