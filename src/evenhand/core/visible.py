"""Text from the data made safe to look at: characters that hide, reorder or break lines are spelled out."""

import unicodedata

# Letters and symbols that render as nothing although Unicode does not call them format characters.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_JOINER = "\u200d"


def visible(text: str) -> str:
    """The text with every hidden character written as ⟨U+202E⟩, and all others as they are."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(text, place) for place in range(len(text)))


def _shown(text: str, place: int) -> str:
    character = text[place]
    if not _hides(character) or (character == _JOINER and _joins_emoji(text, place)):
        return character
    return f"⟨U+{ord(character):04X}⟩"


def _hides(character: str) -> bool:
    category = unicodedata.category(character)
    return category in ("Cc", "Cf", "Cs", "Zl", "Zp") or (category == "Zs" and character != " ") or character in _BLANK


def _joins_emoji(text: str, place: int) -> bool:
    """Family and profession emoji are one picture only with the joiner between their parts."""
    before = text[max(0, place - 8) : place].rstrip("\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")[-1:]
    after = text[place + 1 : place + 2]
    return bool(before and after) and unicodedata.category(before) == unicodedata.category(after) == "So"
