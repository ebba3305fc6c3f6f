"""Parts: tallies of a growing table's partitions, stored in a folder and added up; old rows are not read again."""

from evenhand.parts.files import Counted, count_files
from evenhand.parts.folder import Parts

__all__ = ["Counted", "Parts", "count_files"]
