"""Visible: text of unknown origin with its invisible and misleading characters written out."""

import unicodedata

# Controls, format characters (bidirectional overrides, zero-width marks), surrogates and private use.
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def visible(text: str) -> str:
    """The text with every hidden character as ⟨U+202E⟩, so that it neither reorders nor hides what is shown."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(f"⟨U+{ord(sign):04X}⟩" if unicodedata.category(sign) in _HIDDEN else sign for sign in text)
