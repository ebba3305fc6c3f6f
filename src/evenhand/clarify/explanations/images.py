"""Images: the superpixels of each image, explained for its classes or for the boxes found in it, as Clarify does."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from evenhand.clarify.analysis import Explained, Section
from evenhand.clarify.config.analysis_config import AnalysisConfig, DebugConfig, ImageConfig, ShapConfig
from evenhand.clarify.explanations.budgets import evaluations
from evenhand.clarify.explanations.heat_maps import Panel, write_panels, write_values
from evenhand.clarify.explanations.image_model import detected, image_ask
from evenhand.clarify.explanations.image_names import safe_names
from evenhand.clarify.explanations.journal import Journal, json_line
from evenhand.clarify.explanations.pixels import decoded, resized
from evenhand.clarify.storage import local_copy
from evenhand.core.attributions import Attributions
from evenhand.core.errors import DataError, SpecError, suggestion
from evenhand.core.writing import write_whole
from evenhand.explainers.regression import Regression
from evenhand.explaining.job import Progress
from evenhand.modalities.detection import DetectionGame
from evenhand.modalities.image import ImageGame

WORKING = ".evenhand/images.jsonl"
# Classes that a picture has a panel for: those of the highest scores.
PANELS = 5
Pixels = NDArray[np.uint8]


class Picture(Protocol):
    """An image that can be read, by `read` or, as an `ImageFile`, by `pixels`: height × width × 3, 0–255."""

    @property
    def name(self) -> str:
        """Its file name."""


def explain_images(
    config: AnalysisConfig,
    images: Sequence[Picture],
    predictor: Any,
    output: Path,
    *,
    progress: Progress | None = None,
) -> Explained:
    """Explain every image and write heat maps (blue for, red against) and raw values to `explanations_shap`.

    `predictor` is a callable that takes m × height × width × 3 and answers scores of the classes or, for each image,
    rows of class, score, left, top, right, bottom; or a URL; without either the predictor's endpoint is asked. Images
    that are finished are kept in a working file, so that a run that was killed goes on after them. Raises SpecError,
    DataError, ModelError, MissingExtra.
    """
    shap = config.methods.shap
    if shap is None or shap.image_config is None:
        raise SpecError("methods.shap.image_config is missing; give at least its model_type.")
    chosen = _chosen(images, shap.image_config.debug)
    names = safe_names([image.name for image in chosen])
    work = _Work(config, shap, shap.image_config, image_ask(config, predictor), output / "explanations_shap")
    about = config.model_dump(mode="json") | {"images": names, "output": str(output), "model": _called(predictor)}
    with Journal(output / WORKING, about) as journal:
        for number, (image, name) in enumerate(zip(chosen, names, strict=True), start=1):
            if not work.finished(journal.done.get(name)):
                journal.add(name, work.part(image, name))
            if progress is not None:
                progress("images", number, len(chosen))
        parts = [journal.done[name] for name in names]
        lines = output / "explanations_shap" / "out.jsonl"
        write_whole(lines, "".join(f"{json_line(part)}\n" for part in parts))
        journal.finish()
    files = [output / "explanations_shap" / file for part in parts for file in (*part["files"], part["values"]) if file]
    return Explained({}, work.facts(parts), files=(*files, lines))


@dataclass(frozen=True, eq=False)
class _Work:
    """Everything that one image's explanation needs."""

    config: AnalysisConfig
    shap: ShapConfig
    image: ImageConfig
    ask: Any
    folder: Path

    def finished(self, part: Section | None) -> bool:
        """Whether an image is done with, its files in their places."""
        files = (*part["files"], part["values"]) if part is not None else ()
        return part is not None and all((self.folder / file).is_file() for file in files if file)

    def part(self, image: Picture, name: str) -> Section:
        """One image: its files, its outputs and what they owe to each segment."""
        pixels = _pixels(image)
        game: ImageGame | DetectionGame
        if self.image.model_type == "OBJECT_DETECTION":
            try:
                game = self._detection(pixels)
            except DataError as error:  # no box above the threshold: other images may have some
                return {"image": image.name, "files": [], "values": "", "error": str(error)}
        else:
            game = self._classes(pixels)
        budget = evaluations(self.shap.num_samples, len(game.players))
        found = Regression(budget=budget).explain(game, np.arange(1), self.shap.seed or 0)
        panels = self._boxes(name, game, found) if isinstance(game, DetectionGame) else self._panels(name, game, found)
        for file, shown in panels:
            write_panels(self.folder / file, game.places, shown)
        values = f"shap_{name}.npz"
        write_values(self.folder / values, game.places.segments, found)
        return {
            "image": image.name, "files": [file for file, _ in panels], "values": values,
            "outputs": list(game.outputs), "predictions": found.full[0].tolist(), "offset": found.base[0].tolist(),
            "attributions": found.values[0].T.tolist(), **self._targets(game),
        }  # fmt: skip

    def _targets(self, game: ImageGame | DetectionGame) -> Section:
        if not isinstance(game, DetectionGame):
            return {}
        boxes = [{"class_id": each.label, "score": each.score, "box": list(each.box)} for each in game.targets]
        return {"boxes": boxes}

    def _classes(self, pixels: Pixels) -> ImageGame:
        headers = self.config.predictor.label_headers if self.config.predictor is not None else None
        return ImageGame(
            pixels, self.ask, segments=self.image.num_segments, compactness=self.image.segment_compactness,
            fill=self._fill(pixels), seed=self.shap.seed or 0, outputs=lambda count: _named(headers, count),
            link="logit" if self.shap.use_logit else "identity",
        )  # fmt: skip

    def _detection(self, pixels: Pixels) -> DetectionGame:
        predictor = self.config.predictor
        key = predictor.probability if predictor is not None else None
        headers = predictor.label_headers if predictor is not None else None
        return DetectionGame(
            pixels, lambda batch: [detected(answer, key) for answer in self.ask(batch)], most=self.image.max_objects,
            # Strictly above the threshold.
            threshold=float(np.nextafter(self.config.probability_threshold, np.inf)),
            segments=self.image.num_segments, compactness=self.image.segment_compactness, fill=self._fill(pixels),
            seed=self.shap.seed or 0, labels=None if headers is None else [str(each) for each in headers],
        )  # fmt: skip

    def _fill(self, pixels: Pixels) -> Any:
        """White noise, or the baseline: an image of any size, or a colour."""
        if self.shap.baseline is None:
            return "noise"
        if isinstance(self.shap.baseline, str):
            return resized(decoded(local_copy(self.shap.baseline).read_bytes(), self.shap.baseline), pixels.shape[:2])
        return np.asarray(self.shap.baseline)

    def _panels(self, name: str, game: ImageGame, found: Attributions) -> list[tuple[str, list[Panel]]]:
        """One picture with a panel for each class that was asked for, or for those of the highest scores."""
        debug = self.image.debug
        count, scores = len(game.outputs), found.full[0]
        classes = list(debug.class_ids) if debug is not None and debug.class_ids else None
        for wrong in classes or ():
            if not 0 <= wrong < count:
                raise SpecError(f"debug.class_ids holds {wrong}, and the model has the classes 0 to {count - 1}.")
        if classes is None:
            classes = sorted(range(count), key=lambda place: -scores[place])[:PANELS]
        shown = [
            Panel(f"{game.outputs[place]}: {scores[place]:.3g}", found.values[0, :, place], None) for place in classes
        ]
        return [(f"shap_{name}.jpeg", shown)]

    def _boxes(self, name: str, game: DetectionGame, found: Attributions) -> list[tuple[str, list[Panel]]]:
        shown = []
        for place, target in enumerate(game.targets):
            caption = f"{game.outputs[place]}: {target.score or 0.0:.3g}"
            panel = Panel(caption, found.values[0, :, place], target.box)
            shown.append((f"shap_{name}_box{place + 1}_object.jpeg", [panel]))
        return shown

    def facts(self, parts: Sequence[Section]) -> Section:
        """How the explanations were made, and what of the configuration was not applied."""
        return {
            "method": "kernel_shap", "model_type": self.image.model_type, "seed": self.shap.seed or 0,
            "images": [{key: value for key, value in part.items() if key != "attributions"} for part in parts],
            "notes": list(self._notes(parts)),
        }  # fmt: skip

    def _notes(self, parts: Sequence[Section]) -> Iterator[str]:
        for part in parts:
            if "error" in part:
                yield f"{part['image']}: {part['error']}"
        if self.image.model_type != "OBJECT_DETECTION":
            return
        yield (
            "A box is worth the largest product of overlap (IoU) and class score among the boxes found in the masked"
            f" image; iou_threshold={self.image.iou_threshold:g} cuts nothing off."
        )
        if self.image.context != 1.0:
            yield (
                f"context={self.image.context:g} is not applied: segments outside a box are masked like those within"
                " it, as by context=1."
            )


def _chosen(images: Sequence[Picture], debug: DebugConfig | None) -> list[Picture]:
    """The images that debug asks for, in their order; raises DataError where none is left."""
    chosen = list(images)
    if debug is not None:
        for wanted in debug.image_names or ():
            if not any(_is(image.name, wanted) for image in chosen):
                raise DataError(f"No image {wanted!r} in the data.{suggestion(wanted, [each.name for each in chosen])}")
        if debug.image_names:
            chosen = [image for image in chosen if any(_is(image.name, wanted) for wanted in debug.image_names)]
        chosen = chosen[slice(debug.sample_from, debug.sample_to)]
    if not chosen:
        raise DataError("The data holds no image to explain; give a folder or manifest of JPEG or PNG files.")
    return chosen


def _pixels(image: Any) -> Pixels:
    reading = image.read if hasattr(image, "read") else image.pixels
    return np.ascontiguousarray(reading())


def _is(name: str, wanted: str) -> bool:
    last = name.rpartition("/")[2]
    return wanted in (name, last, last.rpartition(".")[0])


def _named(headers: Sequence[Any] | None, count: int) -> list[str]:
    if headers is not None and len(headers) == count:
        return [str(each) for each in headers]
    return [f"label{place}" for place in range(count)]


def _called(predictor: Any) -> str:
    return predictor if isinstance(predictor, str) else getattr(predictor, "__qualname__", type(predictor).__name__)
