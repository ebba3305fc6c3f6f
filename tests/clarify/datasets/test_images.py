"""Images: of folders and manifests, decoded when asked for."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evenhand.clarify.datasets import image_files
from evenhand.core.errors import DataError, UnreadableSource
from tests.clarify.datasets.configs import config

IMAGES = "application/x-image"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    pixels = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    Image.fromarray(pixels[..., 0]).save(tmp_path / "deep" / "grey.png")
    Image.fromarray(pixels).save(tmp_path / "c.jpg")
    (tmp_path / ".hidden.png").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("words")
    return tmp_path


def test_folders_are_read_whole_in_order(folder: Path) -> None:
    files = image_files(config(IMAGES), folder)
    assert [file.name for file in files] == ["a.png", "c.jpg", "deep/grey.png"]
    assert np.array_equal(files[0].pixels(), np.arange(60).reshape(4, 5, 3))
    assert all(file.pixels().shape == (4, 5, 3) and file.pixels().dtype == np.uint8 for file in files)
    assert [file.name for file in image_files(config(IMAGES), folder / "a.png")] == ["a.png"]


@pytest.mark.parametrize("form", ["lines", "list", "prefix"])
def test_manifests(folder: Path, form: str) -> None:
    manifest = folder / "deep" / "images.manifest"
    entries = [{"source-ref": "../a.png"}, {"source-ref": str(folder / "c.jpg")}]
    if form == "lines":
        manifest.write_text("\n".join(map(json.dumps, entries)))
    elif form == "list":
        manifest.write_text(json.dumps(entries))
    else:
        manifest.write_text(json.dumps([{"prefix": f"{folder}/"}, "a.png", "c.jpg"]))
    files = image_files(config(IMAGES, dataset_uri=str(manifest)), None)
    assert [file.name for file in files] == ["a.png", "c.jpg"]
    assert all(file.pixels().shape == (4, 5, 3) for file in files)


def test_what_is_no_image_is_refused_when_it_is_read(folder: Path) -> None:
    whole = (folder / "a.png").read_bytes()
    (folder / "a.png").write_bytes(whole[: len(whole) // 2])
    (file, *_) = image_files(config(IMAGES), folder)
    with pytest.raises(UnreadableSource, match=r"a\.png"):
        file.pixels()
    manifest = folder / "deep" / "m.json"
    manifest.write_text('[{"source": "a.png"}]')
    with pytest.raises(DataError, match="source-ref"):
        image_files(config(IMAGES), manifest)
    with pytest.raises(UnreadableSource, match="no single manifest"):
        (folder / "empty").mkdir()
        (folder / "empty" / "a.txt").write_text("x")
        (folder / "empty" / "b.txt").write_text("x")
        image_files(config(IMAGES), folder / "empty")
