"""Images in Clarify's shapes: models linear in pixels have known attributions."""

import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.clarify.config.analysis_config import AnalysisConfig, PredictorConfig
from evenhand.clarify.datasets.images import image_files
from evenhand.clarify.explanations.heat_maps import tinted
from evenhand.clarify.explanations.image_model import detected, image_endpoint
from evenhand.clarify.explanations.image_names import safe_names
from evenhand.clarify.explanations.images import WORKING, explain_images
from evenhand.clarify.explanations.pixels import decoded, encoded
from evenhand.core.errors import DataError, ModelError, SpecError
from tests.clarify.explanations.posted import posting

pytest.importorskip("skimage")


@dataclass
class Picture:
    """An image at hand, which counts how often it is read."""

    name: str
    pixels: Any
    read_so_far: list[int] = field(default_factory=list)

    def read(self) -> Any:
        self.read_so_far.append(1)
        return self.pixels


def quarters() -> Any:
    """Four fields of plain colours, 24 × 32."""
    pixels = np.zeros((24, 32, 3), np.uint8)
    pixels[:12, :16], pixels[:12, 16:], pixels[12:, :16], pixels[12:, 16:] = (250, 0, 0), (0, 240, 0), (0, 0, 230), 200
    return pixels


def config(
    kind: str = "IMAGE_CLASSIFICATION", *, predictor: Any = None, shap: Any = None, **image: Any
) -> AnalysisConfig:
    keys = {"model_type": kind, "num_segments": 4, **image}
    return AnalysisConfig.model_validate(
        {
            "dataset_type": "application/x-image", "predictor": predictor or {"label_headers": ["red", "not red"]},
            "methods": {"shap": {"seed": 3, "image_config": keys, **({"baseline": [0, 0, 0]} if shap is None else shap)}},
        }
    )  # fmt: skip


def redness(images: Any) -> Any:
    red = images[:, :12, :16, 0].astype(float).mean(axis=(1, 2)) / 255
    return np.stack([red, 1 - red], axis=1)


def local(output: Path) -> list[Any]:
    return [json.loads(line) for line in (output / "explanations_shap" / "out.jsonl").read_text().splitlines()]


def test_a_class_owes_its_score_to_the_segment_it_looks_at(tmp_path: Path) -> None:
    found = explain_images(config(), [Picture("a/b/red.png", quarters())], redness, tmp_path)
    (line,) = local(tmp_path)
    values = np.load(tmp_path / "explanations_shap" / "shap_red.npz")
    own = values["segments"][3, 3]
    assert values["values"][own] == pytest.approx([250 / 255, -250 / 255])
    assert np.delete(values["values"], own, axis=0) == pytest.approx(0)
    assert line["outputs"] == ["red", "not red"]
    assert line["offset"] == pytest.approx([0, 1])
    assert np.array(line["attributions"]) == pytest.approx(values["values"].T)
    heat = decoded((tmp_path / "explanations_shap" / "shap_red.jpeg").read_bytes(), "heat")
    panels = [heat[16:28, place : place + 16].mean(axis=(0, 1)) for place in (36, 72)]
    assert panels[0][2] > panels[0][0] + 50  # blue for the class
    assert panels[1][0] > panels[1][2] + 50  # red against the other
    assert set(found.files) == {
        tmp_path / "explanations_shap" / name for name in ("shap_red.jpeg", "shap_red.npz", "out.jsonl")
    }


def test_without_a_baseline_absent_segments_are_noise(tmp_path: Path) -> None:
    seen: list[Any] = []

    def watching(images: Any) -> Any:
        seen.append(images)
        return redness(images)

    explain_images(config(shap={}), [Picture("x.jpg", quarters())], watching, tmp_path)
    assert len(np.unique(seen[0][0])) > 200


def test_a_baseline_image_is_stretched(tmp_path: Path) -> None:
    (tmp_path / "grey.png").write_bytes(encoded(np.full((5, 7, 3), 90, np.uint8), "image/png"))
    seen: list[Any] = []

    def watching(images: Any) -> Any:
        seen.append(images)
        return redness(images)

    explain_images(
        config(shap={"baseline": str(tmp_path / "grey.png")}), [Picture("x.jpg", quarters())], watching, tmp_path
    )
    assert (seen[0][0] == 90).all()


def boxes(images: Any) -> list[Any]:
    """A box of class 7 on the red field, as sure as it is red, and a poor one."""
    red = images[:, :12, :16, 0].astype(float).mean(axis=(1, 2)) / 255
    return [[[7, share, 0.0, 0.0, 0.5, 0.5], [1, 0.3, 0.5, 0.5, 1.0, 1.0]] for share in red]


def test_boxes_are_explained_one_picture_each(tmp_path: Path) -> None:
    images = [Picture("car.jpg", quarters()), Picture("dark.jpg", np.zeros((24, 32, 3), np.uint8))]
    found = explain_images(config("OBJECT_DETECTION", context=0.5), images, boxes, tmp_path)
    car, dark = local(tmp_path)
    assert car["files"] == ["shap_car_box1_object.jpeg"]
    assert car["boxes"] == [{"class_id": 7, "score": pytest.approx(250 / 255), "box": [0, 0, 0.5, 0.5]}]
    values = np.load(tmp_path / "explanations_shap" / "shap_car.npz")
    assert values["values"][values["segments"][3, 3], 0] == pytest.approx(250 / 255)
    assert "no box" in dark["error"] and dark["files"] == []
    notes = " ".join(found.facts["notes"])
    assert "context=0.5 is not applied" in notes and "dark.jpg" in notes


def test_thresholds_are_strict_and_objects_few(tmp_path: Path) -> None:
    def many(images: Any) -> list[Any]:
        return [
            {"boxes": [[place, score, 0, 0, 0.5, 0.5] for place, score in enumerate((0.5, 0.6, 0.9, 0.7))]}
            for _ in images
        ]

    asked = config(
        "OBJECT_DETECTION", max_objects=4, predictor={"probability": "boxes", "label_headers": ["a", "b", "c", "d"]}
    )
    explain_images(asked, [Picture("x.jpg", quarters())], many, tmp_path)
    assert [each["class_id"] for each in local(tmp_path)[0]["boxes"]] == [2, 3, 1]
    assert local(tmp_path)[0]["outputs"] == ["c", "d", "b"]


def test_debug_chooses_images_and_classes(tmp_path: Path) -> None:
    images = [Picture(f"{name}.jpg", quarters()) for name in "abcd"]
    explain_images(config(debug={"sample_from": 1, "sample_to": 3}), images, redness, tmp_path / "some")
    assert [line["image"] for line in local(tmp_path / "some")] == ["b.jpg", "c.jpg"]
    explain_images(config(debug={"image_names": ["d"], "class_ids": [1]}), images, redness, tmp_path / "named")
    assert [line["image"] for line in local(tmp_path / "named")] == ["d.jpg"]
    with pytest.raises(DataError, match="No image 'z'"):
        explain_images(config(debug={"image_names": ["z"]}), images, redness, tmp_path)
    with pytest.raises(SpecError, match="class_ids"):
        explain_images(config(debug={"class_ids": [2]}), images, redness, tmp_path)


@settings(deadline=None)
@given(st.lists(st.text(max_size=12), max_size=8))
def test_names_are_safe_and_different(names: list[str]) -> None:
    found = safe_names(names)
    assert len({name.casefold() for name in found}) == len(names)
    assert all(name and not set(name) & set('/\\:\0 "<>') and not name.startswith(".") for name in found)


def test_names_leave_the_folder_out() -> None:
    assert safe_names(["../../etc/passwd", "a/cat.png", "b\\cat.jpg", "..", "000042.jpg"]) == [
        "passwd", "cat", "cat_2", "image", "000042",
    ]  # fmt: skip


@pytest.mark.parametrize("content_type", ["image/jpeg", "image/png", "application/x-npy"])
def test_an_endpoint_is_sent_one_image_a_request(content_type: str) -> None:
    def answer(body: bytes) -> bytes:
        pixels = np.load(io.BytesIO(body)) if content_type == "application/x-npy" else decoded(body, "body")
        return json.dumps({"scores": [[pixels[:, :, channel].mean() for channel in range(3)]]}).encode()

    images = np.stack([np.full((16, 16, 3), shade, np.uint8) for shade in range(0, 200, 10)])
    with posting(answer) as posted:
        predictor = PredictorConfig(content_type=content_type, probability="scores", target_model="m.tar.gz")
        scores = image_endpoint(predictor, posted.url)(images)
    assert scores == pytest.approx(np.repeat(np.arange(0, 200, 10)[:, None], 3, axis=1), abs=2)
    assert len(posted.bodies) == len(images)
    assert posted.headers[0]["Content-Type"] == content_type
    assert posted.headers[0]["X-Amzn-SageMaker-Target-Model"] == "m.tar.gz"


@pytest.mark.parametrize("kind", ["IMAGE_CLASSIFICATION", "OBJECT_DETECTION"])
def test_an_endpoint_explains_like_a_callable(tmp_path: Path, kind: str) -> None:
    def answer(body: bytes) -> bytes:
        batch = np.load(io.BytesIO(body))[None]
        said = redness(batch)[0].tolist() if kind == "IMAGE_CLASSIFICATION" else {"prediction": boxes(batch)[0]}
        return json.dumps(said).encode()

    images = [Picture("x.jpg", quarters())]
    explain_images(config(kind), images, redness if kind == "IMAGE_CLASSIFICATION" else boxes, tmp_path / "own")
    with posting(answer) as posted:
        predictor = {
            "endpoint_name": posted.url,
            "content_type": "application/x-npy",
            "label_headers": ["red", "not red"],
        }
        if kind == "OBJECT_DETECTION":
            predictor["probability"] = "prediction"
        explain_images(config(kind, predictor=predictor), images, None, tmp_path / "asked")
    assert local(tmp_path / "asked") == local(tmp_path / "own")


def test_a_run_that_failed_goes_on(tmp_path: Path) -> None:
    first, second = Picture("a.jpg", quarters()), Picture("b.jpg", 255 - quarters())
    broken = [True]

    def failing(images: Any) -> Any:
        if broken[0] and images[-1][0, 0, 0] == 5:
            raise ModelError("busy")
        return redness(images)

    with pytest.raises(ModelError, match="busy"):
        explain_images(config(), [first, second], failing, tmp_path)
    broken[0] = False
    explain_images(config(), [first, second], failing, tmp_path)
    assert len(first.read_so_far) == 1 and len(second.read_so_far) == 2
    assert len(local(tmp_path)) == 2
    assert not (tmp_path / WORKING).exists()


def test_answers_of_other_shapes_are_told() -> None:
    assert detected([], None).shape == (0, 6)
    assert detected({"p": [[[1, 0.5, 0, 0, 1, 1]]]}, "p").shape == (1, 6)
    with pytest.raises(ModelError, match="class_id"):
        detected([[1, 2, 3]], None)
    with pytest.raises(ModelError, match="nothing at"):
        detected({"q": []}, "p")
    with posting(lambda _: b"<html>") as posted, pytest.raises(ModelError, match="neither JSON"):
        image_endpoint(PredictorConfig(), posted.url)(np.zeros((1, 8, 8, 3), np.uint8))
    with pytest.raises(SpecError, match="content_type"):
        image_endpoint(PredictorConfig(content_type="text/csv"), "http://127.0.0.1:1")


def test_tints_are_blue_for_and_red_against() -> None:
    shown = tinted(np.full((1, 3, 3), 128, np.uint8), np.array([[1.0, 0.0, -1.0]])).astype(int)
    assert shown[0, 0, 2] - shown[0, 0, 0] > 100
    assert shown[0, 1].tolist() == [128, 128, 128]
    assert shown[0, 2, 0] - shown[0, 2, 2] > 100


def test_image_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "red.png").write_bytes(encoded(quarters(), "image/png"))
    images = image_files(config(), tmp_path / "data")
    explain_images(config(), images, redness, tmp_path / "out")
    assert local(tmp_path / "out")[0]["predictions"] == pytest.approx([250 / 255, 5 / 255])
