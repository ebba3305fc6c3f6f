"""Datasets: rows, images and segments, as a config describes them."""

from evenhand.clarify.datasets.images import ImageFile, image_files
from evenhand.clarify.datasets.reading import read_dataset
from evenhand.clarify.datasets.segments import segments_of

__all__ = ["ImageFile", "image_files", "read_dataset", "segments_of"]
