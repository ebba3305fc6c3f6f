"""Image model: images sent to an endpoint one a request, and the scores or boxes that come back."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.clarify.config.analysis_config import AnalysisConfig, PredictorConfig
from evenhand.clarify.explanations.pixels import encoded
from evenhand.clarify.explanations.posts import Place, Posts, address_of, headers_of
from evenhand.core.errors import ModelError, SpecError
from evenhand.models.remote.answer_places import searched
from evenhand.models.remote.telling import told

Ask = Callable[[NDArray[Any]], Any]
TYPES = ("image/jpeg", "image/png", "application/x-npy")


def image_ask(config: AnalysisConfig, predictor: Any) -> Ask:
    """How images are asked: the callable that was handed over, or the endpoint; raises SpecError without either."""
    if callable(predictor):
        return predictor  # type: ignore[no-any-return]
    url = address_of(config.predictor, predictor)
    shap = config.methods.shap
    detection = shap is not None and shap.image_config is not None
    detection = detection and shap.image_config.model_type == "OBJECT_DETECTION"  # type: ignore[union-attr]
    return image_endpoint(config.predictor or PredictorConfig(), url, detection=detection)


def image_endpoint(predictor: PredictorConfig, url: str, *, detection: bool = False) -> Ask:
    """A callable that sends m × height × width × 3 to a URL, one image a request, several at once.

    It gives m × classes or, with `detection`, for each image what `detected` makes boxes of. Raises SpecError.
    """
    content_type = {"image/jpg": "image/jpeg"}.get(predictor.content_type or "", predictor.content_type or TYPES[0])
    if content_type not in TYPES:
        raise SpecError(f"content_type {content_type!r} cannot hold an image; choose {', '.join(TYPES)}.")
    accept = predictor.accept_type or "application/json"
    posts = Posts(Place(url, content_type, accept, headers_of(predictor)))

    def ask(images: NDArray[Any]) -> Any:
        answers = posts([encoded(image, content_type) for image in images])
        read = [_document(answer.body, posts.shown) for answer in answers]
        return read if detection else _scores(read, predictor.probability, posts.shown)

    return ask


def detected(answer: Any, key: Any) -> NDArray[np.float64]:
    """One image's boxes as k × 6 (class, score, left, top, right, bottom), perhaps under a key; raises ModelError."""
    found = _under(answer, key)
    rows = np.zeros((0, 6)) if _empty(found) else _numbers(found)
    # Some detectors answer a batch of one image.
    rows = rows[0] if rows.ndim == 3 and len(rows) == 1 else rows
    if rows.ndim != 2 or rows.shape[1] != 6:
        raise ModelError(
            f"The model answered boxes of shape {rows.shape}; give rows of class_id, score, x_min, y_min, x_max, y_max."
        )
    return rows


def _scores(answers: list[Any], key: Any, shown: str) -> NDArray[np.float64]:
    scores = [_numbers(_under(answer, key)).ravel() for answer in answers]
    if len({len(each) for each in scores}) > 1:
        raise ModelError(f"The model {shown} answered different numbers of classes for different images.")
    return np.stack(scores)


def _under(answer: Any, key: Any) -> Any:
    """What stands at the place of the scores: a JMESPath, or the only value of an object."""
    if not isinstance(answer, Mapping):
        return answer
    if isinstance(key, str):
        try:
            found = searched(key, answer)
        except ValueError as error:
            raise ModelError(str(error)) from error
        if found is None:
            raise ModelError(f"The model answered nothing at probability {key!r}; its keys are {list(answer)[:8]!r}.")
        return found
    if len(answer) != 1:
        raise ModelError(
            f"The model answered an object of {len(answer)} keys; say by predictor.probability where the scores stand."
        )
    return next(iter(answer.values()))


def _empty(found: Any) -> bool:
    return found is None or (hasattr(found, "__len__") and (len(found) == 0 or np.size(found) == 0))


def _numbers(found: Any) -> NDArray[np.float64]:
    try:
        return np.asarray(found, np.float64)
    except (TypeError, ValueError) as error:
        raise ModelError("The model answered what is no number where scores should stand.") from error


def _document(body: bytes, shown: str) -> Any:
    """JSON, or a line of CSV."""
    text = body.decode("utf-8-sig", errors="replace").strip()
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return [float(each) for each in text.replace("\n", ",").split(",")]
    except ValueError as error:
        raise ModelError(f"The model {shown} answered neither JSON nor numbers: it begins {told(text)!r}.") from error
