"""Pages: the report of a run as a page, a notebook and a PDF."""

from evenhand.clarify.pages.files import write_pages

__all__ = ["write_pages"]
