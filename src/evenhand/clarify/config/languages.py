"""The languages that text_config.language names, by ISO code and by English name."""

from evenhand.core.errors import SpecError, suggestion

LANGUAGES = {
    "zh": "chinese",
    "da": "danish",
    "nl": "dutch",
    "en": "english",
    "fr": "french",
    "de": "german",
    "el": "greek",
    "it": "italian",
    "ja": "japanese",
    "lt": "lithuanian",
    "xx": "multi-language",
    "nb": "norwegian bokmål",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "es": "spanish",
    "af": "afrikaans",
    "sq": "albanian",
    "ar": "arabic",
    "hy": "armenian",
    "eu": "basque",
    "bn": "bengali",
    "bg": "bulgarian",
    "ca": "catalan",
    "hr": "croatian",
    "cs": "czech",
    "et": "estonian",
    "fi": "finnish",
    "gu": "gujarati",
    "he": "hebrew",
    "hi": "hindi",
    "hu": "hungarian",
    "is": "icelandic",
    "id": "indonesian",
    "ga": "irish",
    "kn": "kannada",
    "ky": "kyrgyz",
    "lv": "latvian",
    "lij": "ligurian",
    "lb": "luxembourgish",
    "mk": "macedonian",
    "ml": "malayalam",
    "mr": "marathi",
    "ne": "nepali",
    "fa": "persian",
    "sa": "sanskrit",
    "sr": "serbian",
    "tn": "setswana",
    "si": "sinhala",
    "sk": "slovak",
    "sl": "slovenian",
    "sv": "swedish",
    "tl": "tagalog",
    "ta": "tamil",
    "tt": "tatar",
    "te": "telugu",
    "th": "thai",
    "tr": "turkish",
    "uk": "ukrainian",
    "ur": "urdu",
    "vi": "vietnamese",
    "yo": "yoruba",
}
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
