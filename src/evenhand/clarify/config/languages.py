"""The languages that text_config.language names, by ISO code and by English name."""

from evenhand.core.errors import SpecError, suggestion
from evenhand.modalities.languages import NAMES

# Clarify names every language that we divide texts in but Korean.
LANGUAGES = {code: name for code, name in NAMES.items() if code != "ko"}
_CODES = {name: code for code, name in LANGUAGES.items()} | {code: code for code in LANGUAGES}


def is_language(language: str) -> bool:
    """Whether a text is one of the languages, by name or code, in whatever case."""
    return language.lower() in _CODES


def language_code(language: str) -> str:
    """The ISO code of a language given by name or code; raises SpecError with the nearest language."""
    code = _CODES.get(language.lower())
    if code is None:
        raise SpecError(f"{language!r} is no language that texts are divided in.{suggestion(language, list(_CODES))}")
    return code
