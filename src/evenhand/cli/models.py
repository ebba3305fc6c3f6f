"""Models as the command line names them: a file, a URL with options, or a program."""

from collections.abc import Mapping, Sequence
from typing import Any

from evenhand.core.errors import SpecError, suggestion


def model_of(text: str | None, options: Mapping[str, Any]) -> Any:
    """The model that a text names; `options` say how a URL is asked, each value written as in YAML."""
    if text is None or not text.lower().startswith(("http://", "https://")):
        if options:
            raise SpecError("--model-option says how a URL is asked; --model is no URL.")
        return text
    import dataclasses

    from evenhand.core.yaml_text import read_yaml
    from evenhand.models import Endpoint

    known = [field.name for field in dataclasses.fields(Endpoint) if field.name not in ("url", "_")]
    for name in options:
        if name not in known:
            raise SpecError(f"No model option {name!r}.{suggestion(name, known, most=20)}")
    read = {name: read_yaml(value) if isinstance(value, str) else value for name, value in options.items()}
    # Templates are JSON, which YAML would read; they are meant as text.
    read |= {name: options[name] for name in read if name.endswith("_template")}
    return Endpoint(text, **read)


def pairs_of(texts: Sequence[str] | None, option: str) -> dict[str, str]:
    """The values of an option that is repeated as NAME=VALUE; raises SpecError."""
    for text in texts or ():
        if "=" not in text:
            raise SpecError(f"{option} {text!r} must be NAME=VALUE.")
    return {name.strip(): value for name, _, value in (text.partition("=") for text in texts or ())}
