"""Rules between the keys of a config: what needs what, and what excludes what."""

from collections.abc import Callable, Iterator

from evenhand.clarify.config.analysis_config import AnalysisConfig, Name
from evenhand.clarify.config.languages import is_language, language_code
from evenhand.clarify.config.series_rules import series_rules
from evenhand.clarify.config.strict import ACCEPT_TYPES, CONTENT_TYPES
from evenhand.core.errors import SpecError

Rule = Callable[[AnalysisConfig, bool], Iterator[str]]

JSON_TYPES = ("application/json", "application/jsonlines")


def broken_rules(config: AnalysisConfig, *, has_model: bool = False) -> Iterator[str]:
    """Each rule that a config breaks, as `key: why`; `has_model` says that a model was handed over beside it."""
    for rule in _RULES:
        yield from rule(config, has_model)


def needs_model(config: AnalysisConfig) -> bool:
    """Whether a run asks a model: it explains, or measures predictions that nobody supplies."""
    methods = config.methods
    if methods.shap or methods.pdp or methods.asymmetric_shapley_value:
        return True
    supplied = config.predicted_label is not None or config.predicted_label_dataset_uri is not None
    return methods.post_training_bias is not None and not supplied


def _bias(config: AnalysisConfig, _: bool) -> Iterator[str]:
    asked = [name for name in ("pre_training_bias", "post_training_bias") if getattr(config.methods, name) is not None]
    if not asked:
        return
    if config.dataset_type == "application/x-image":
        yield f"methods.{asked[0]}: bias metrics are unsupported for images; ask for shap alone."
        return
    needed = {
        "label": config.label is not None,
        "label_values_or_threshold": bool(config.label_values_or_threshold),
        "facet": bool(config.facet),
    }
    for key, given in needed.items():
        if not given:
            yield f"{key}: methods.{asked[0]} needs this key{', with at least one item' if key != 'label' else ''}."


def _features(config: AnalysisConfig, _: bool) -> Iterator[str]:
    if config.dataset_type in JSON_TYPES and config.time_series_data_config is None and not config.features:
        yield f"features: {config.dataset_type} needs this key, a JMESPath of the features. Data must contain features."


def _joins(config: AnalysisConfig, _: bool) -> Iterator[str]:
    if config.dataset_type == "text/csv":
        return
    for key in ("facet_dataset_uri", "facet_headers", "predicted_label_dataset_uri", "predicted_label_headers"):
        if getattr(config, key) is not None:
            yield f"{key}: only datasets of text/csv can be joined, and dataset_type is {config.dataset_type}."


def _segments(config: AnalysisConfig, _: bool) -> Iterator[str]:
    for place, segment in enumerate(config.segment_config or ()):
        count, aliases = len(segment.segments), segment.display_aliases
        if not count:
            yield f"segment_config[{place}].segments: at least one list of values is needed."
        if aliases is not None and len(aliases) not in (count, count + 1):
            yield (
                f"segment_config[{place}].display_aliases: {count} segments need {count} aliases, or {count + 1} with"
                f" one for __default__; there are {len(aliases)}."
            )


def _shap(config: AnalysisConfig, _: bool) -> Iterator[str]:
    shap = config.methods.shap
    if shap is None:
        return
    if shap.baseline is not None and shap.num_clusters is not None:
        yield "methods.shap.num_clusters: baseline and num_clusters exclude each other; give one of them."
    if shap.text_config is not None and not is_language(shap.text_config.language):
        yield f"methods.shap.text_config.language: {_language_fault(shap.text_config.language)}"
    if config.dataset_type == "application/x-image" and shap.image_config is None:
        yield "methods.shap.image_config: explaining images needs this key."
    yield from _features_to_explain(config)


def _features_to_explain(config: AnalysisConfig) -> Iterator[str]:
    shap = config.methods.shap
    if shap is None or shap.features_to_explain is None:
        return
    for other in ("text_config", "image_config"):
        if getattr(shap, other) is not None:
            yield f"methods.shap.features_to_explain: it cannot be combined with {other}; leave one of them out."
    outcomes = {_named(config, name) for name in (config.label, config.predicted_label) if name is not None}
    for place, name in enumerate(shap.features_to_explain):
        if _named(config, name) in outcomes:
            yield f"methods.shap.features_to_explain[{place}]: {name!r} is the label or predicted label, not a feature."


def _named(config: AnalysisConfig, name: Name) -> Name:
    """A column by its name where headers tell it."""
    headers = config.headers
    return headers[name] if isinstance(name, int) and headers and 0 <= name < len(headers) else name


def _language_fault(language: str) -> str:
    try:
        return language_code(language)
    except SpecError as error:
        return str(error)


def _pdp(config: AnalysisConfig, _: bool) -> Iterator[str]:
    methods = config.methods
    if methods.pdp is None:
        return
    if config.dataset_type == "application/x-image":
        yield "methods.pdp: partial dependence is unsupported for images; ask for shap alone."
    elif not methods.pdp.features and methods.shap is None:
        yield "methods.pdp.features: without methods.shap, which would rank the features, this key is needed."


def _predictor(config: AnalysisConfig, has_model: bool) -> Iterator[str]:
    if config.predictor is None:
        if needs_model(config) and not has_model:
            yield (
                "predictor: predictions are needed and none are supplied; give predictor, predicted_label or"
                " predicted_label_dataset_uri, or hand a model over (--model)."
            )
        return
    named = config.predictor.endpoint_name or config.predictor.model_name
    if needs_model(config) and not (named or has_model):
        yield "predictor: it names no model; give endpoint_name or model_name, or hand a model over (--model)."
    yield from _types(config, has_model)


def _types(config: AnalysisConfig, has_model: bool) -> Iterator[str]:
    """Formats of requests and replies."""
    predictor = config.predictor
    if predictor is None:
        return
    if config.dataset_type == "application/x-parquet" and predictor.content_type is None and not has_model:
        yield "predictor.content_type: application/x-parquet is never sent to a model; say what is, such as text/csv."
    for key, allowed in (("content_type", CONTENT_TYPES), ("accept_type", ACCEPT_TYPES)):
        given = getattr(predictor, key)
        if given is not None and given not in allowed:
            yield f"predictor.{key}: it must be one of {', '.join(allowed)}, and is {given!r}."
    attributes = predictor.custom_attributes
    if attributes is not None and not all(" " <= letter <= "~" for letter in attributes):
        yield "predictor.custom_attributes: only visible ASCII characters can be sent."
    yield from _templates(config)


def _templates(config: AnalysisConfig) -> Iterator[str]:
    predictor = config.predictor
    if predictor is None or predictor.content_template is None or config.time_series_data_config is not None:
        return
    template = predictor.content_template
    text = template if isinstance(template, str) else " ".join(template.values())
    kind = predictor.content_type or config.dataset_type
    if kind == "application/jsonlines" and "$features" not in text:
        yield "predictor.content_template: for application/jsonlines it needs the placeholder $features."
    if kind == "application/json" and "$record" not in text:
        yield "predictor.content_template: for application/json it needs the placeholder $record or $records."


_RULES: tuple[Rule, ...] = (_features, _bias, _joins, _segments, _shap, _pdp, series_rules, _predictor)
