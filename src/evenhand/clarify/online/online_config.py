"""OnlineConfig: their ClarifyExplainerConfig with every constraint, and one-line errors that name the key path."""

import json
import types
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from evenhand.core.errors import SpecError, suggestion
from evenhand.core.visible import visible
from evenhand.models.remote.answer_places import compiled

FeatureType = Literal["numerical", "categorical", "text"]
ContentType = Literal["text/csv", "application/jsonlines"]
# The languages of the service: those of the batch job without Japanese, Thai and Vietnamese.
Language = Literal[
    "af", "sq", "ar", "hy", "eu", "bn", "bg", "ca", "zh", "hr", "cs", "da", "nl", "en", "et", "fi", "fr", "de", "el",
    "gu", "he", "hi", "hu", "is", "id", "ga", "it", "kn", "ky", "lv", "lt", "lb", "mk", "ml", "mr", "ne", "nb", "fa",
    "pl", "pt", "ro", "ru", "sa", "sr", "tn", "si", "sk", "sl", "es", "sv", "tl", "ta", "tt", "te", "tr", "uk", "ur",
    "yo", "lij", "xx",
]  # fmt: skip
_LONGEST_SHOWN = 60
_WRAPPERS = ("ExplainerConfig", "ClarifyExplainerConfig")


def _expression(text: str) -> str:
    try:
        compiled(text)
    except SpecError as error:
        raise ValueError(str(error)) from error
    except RecursionError as error:
        raise ValueError("the JMESPath expression is nested too deeply") from error
    return text


Expression = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_expression)]
Header = Annotated[str, Field(min_length=1, max_length=64)]


class _Keys(BaseModel):
    """The keys of one object, in their spelling; unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class OnlineTextConfig(_Keys):
    """How text features fall into units."""

    language: Language = Field(alias="Language")
    granularity: Literal["token", "sentence", "paragraph"] = Field(alias="Granularity")


class BaselineConfig(_Keys):
    """The rows that stand for absence: inline, or in a file."""

    mime_type: ContentType = Field(default="text/csv", alias="MimeType")
    inline: str | None = Field(default=None, alias="ShapBaseline", min_length=1)
    uri: str | None = Field(default=None, alias="ShapBaselineUri", min_length=1, max_length=1024)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.inline is None) == (self.uri is None):
            raise ValueError("give exactly one of ShapBaseline and ShapBaselineUri")
        if self.inline is not None and len(self.inline.encode()) > 4096:
            raise ValueError("ShapBaseline holds at most 4096 bytes; use ShapBaselineUri for more")
        return self


class OnlineShapConfig(_Keys):
    """How Shapley values are computed."""

    baseline: BaselineConfig = Field(alias="ShapBaselineConfig")
    samples: int | None = Field(default=None, alias="NumberOfSamples", ge=1)
    use_logit: bool = Field(default=False, alias="UseLogit")
    seed: int | None = Field(default=None, alias="Seed")
    text: OnlineTextConfig | None = Field(default=None, alias="TextConfig")


class InferenceConfig(_Keys):
    """How records and the model's answers are written."""

    features_attribute: Expression | None = Field(default=None, alias="FeaturesAttribute")
    content_template: str | None = Field(default=None, alias="ContentTemplate", min_length=1, max_length=64)
    max_record_count: int | None = Field(default=None, alias="MaxRecordCount", ge=1)
    max_payload_mb: int = Field(default=6, alias="MaxPayloadInMB", ge=1, le=25)
    probability_index: int | None = Field(default=None, alias="ProbabilityIndex", ge=0)
    label_index: int | None = Field(default=None, alias="LabelIndex", ge=0)
    probability_attribute: Expression | None = Field(default=None, alias="ProbabilityAttribute")
    label_attribute: Expression | None = Field(default=None, alias="LabelAttribute")
    label_headers: tuple[Header, ...] | None = Field(default=None, alias="LabelHeaders", min_length=1, max_length=16)
    feature_headers: tuple[Header, ...] | None = Field(
        default=None, alias="FeatureHeaders", min_length=1, max_length=256
    )
    feature_types: tuple[FeatureType, ...] | None = Field(
        default=None, alias="FeatureTypes", min_length=1, max_length=256
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.content_template is not None and "$features" not in self.content_template:
            raise ValueError("ContentTemplate must hold $features")
        headers, kinds = self.feature_headers, self.feature_types
        if headers is not None and len(set(headers)) < len(headers):
            raise ValueError("FeatureHeaders must name each feature once")
        if headers is not None and kinds is not None and len(headers) != len(kinds):
            raise ValueError(f"FeatureHeaders has {len(headers)} entries and FeatureTypes {len(kinds)}")
        return self


class OnlineConfig(_Keys):
    """Which records are explained, how they are read, and how Shapley values are computed."""

    enable: Expression | None = Field(default=None, alias="EnableExplanations")
    inference: InferenceConfig = Field(default=InferenceConfig(), alias="InferenceConfig")
    shap: OnlineShapConfig = Field(alias="ShapConfig")

    @model_validator(mode="after")
    def _texts(self) -> Self:
        if "text" in (self.inference.feature_types or ()) and self.shap.text is None:
            raise ValueError("FeatureTypes has text, so ShapConfig.TextConfig is needed")
        return self

    @classmethod
    def of(cls, document: Any) -> "OnlineConfig":
        """The config of this object, bare or wrapped in ExplainerConfig or ClarifyExplainerConfig.

        Raises SpecError naming the key path, the reason and the nearest key.
        """
        for wrapper in _WRAPPERS:
            if isinstance(document, dict) and list(document) == [wrapper]:
                document = document[wrapper]
        if not isinstance(document, dict):
            raise SpecError("ClarifyExplainerConfig must be a JSON object with keys such as ShapConfig.")
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise SpecError(f"ClarifyExplainerConfig: {_first(error)}") from None

    @classmethod
    def load(cls, path: str | Path) -> "OnlineConfig":
        """The config of a JSON file; raises SpecError."""
        try:
            document = json.loads(Path(path).read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise SpecError(f"The config {str(path)!r} cannot be read: {error.strerror}.") from None
        except (ValueError, RecursionError):
            raise SpecError(f"Unable to load analysis configuration as JSON: {str(path)!r} is no JSON.") from None
        return cls.of(document)


def _first(error: ValidationError) -> str:
    """The first thing wrong, in one line; an unknown key before what is missing, which it may be meant for."""
    first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    path = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _keys_at([str(part) for part in first["loc"][:-1]])
        return f"unknown key {visible(path)!r}.{suggestion(str(first['loc'][-1]), known)}"
    if first["type"] == "missing":
        return f"the key {path!r} is needed."
    said = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
    shown = repr(first["input"])
    found = f"; it is {visible(shown[:_LONGEST_SHOWN])}" if not isinstance(first["input"], dict) else ""
    return f"{path + ': ' if path else ''}{said}{found}."


def _keys_at(path: list[str]) -> list[str]:
    """The keys of the object at this path."""
    model: type[BaseModel] = OnlineConfig
    for part in path:
        field = next((each for each in model.model_fields.values() if each.alias == part), None)
        if field is None:
            break
        model = next(kind for kind in _kinds(field.annotation) if isinstance(kind, type))
    return [field.alias or name for name, field in model.model_fields.items()]


def _kinds(annotation: Any) -> list[Any]:
    inner = get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    return [kind for kind in inner if isinstance(kind, type) and issubclass(kind, BaseModel)]
