import gc
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from metaopt.data.folder_loader import load_folder


def test_splits_notes_and_classes(make_folder, tmp_path) -> None:
    root = make_folder({"train/a": 4, "train/b": 4, "val/a": 2, "test/b": 3}, size=lambda i: (8 + i, 20))
    data = load_folder(root, None, tmp_path / "cache")
    assert data.class_names == {"label": ["a", "b"]}
    assert len(data.images) == 10
    assert data.validation is not None
    assert data.images.labels["label"][data.validation].tolist() == [0, 0]
    assert data.test is not None
    assert data.test.labels["label"].tolist() == [1, 1, 1]
    assert len(data.digests) == 10
    assert len(data.test_digests) == 3
    assert data.notes == [
        "The images, with shorter sides of 8 to 11 pixels, are cropped to their central square and resized to 9×9"
        " (set image_size to change this).",
        "Using the 2 images of the validation folder as the validation split.",
        "The validation folder has no images of b.",
        "The test folder has no images of a.",
    ]


def test_cropping_is_noted_also_if_all_sizes_agree(make_folder, tmp_path) -> None:
    data = load_folder(make_folder({"a": 2, "b": 2}, size=(20, 60)), None, tmp_path / "cache")
    assert data.shape[:2] == (20, 20)
    assert data.notes[0].startswith("The images, with shorter sides of 20 pixels, are cropped to their central")
    square = make_folder({"a": 2, "b": 2}, size=(20, 20), root="square")
    assert load_folder(square, None, tmp_path / "cache").notes == []


@pytest.mark.parametrize(("channels", "augmentation"), [(1, "none"), (3, "flip")])
def test_colour_images_are_flipped_by_default(make_folder, tmp_path, channels, augmentation) -> None:
    root = make_folder({"a": 2, "b": 2}, channels=channels)
    assert load_folder(root, None, tmp_path / "cache").default_augmentation == augmentation


def test_fingerprint_depends_on_content_only(make_folder, tmp_path) -> None:
    root = make_folder({"a": 4, "b": 4})
    first = load_folder(root, None, None).fingerprint
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    os.utime(copy / "a" / "0.png", (1, 1))
    assert load_folder(copy, None, None).fingerprint == first
    assert load_folder(copy, 4, None).fingerprint != first
    (copy / "a" / "0.png").rename(copy / "b" / "7.png")
    assert load_folder(copy, None, None).fingerprint != first


def test_the_temporary_directory_is_removed(make_folder) -> None:
    data = load_folder(make_folder({"a": 4, "b": 4}), None, None)
    path = data.images.base.path
    assert np.load(path).shape == (8, 8, 8, 3)
    del data
    gc.collect()
    assert not path.parent.parent.exists()


def test_bits_of_16_bit_images_are_noted_and_part_of_the_fingerprint(tmp_path) -> None:
    def save(root: str, shift: int) -> None:
        rng = np.random.default_rng(0)
        for name in ("a", "b"):
            (tmp_path / root / name).mkdir(parents=True)
            for i in range(4):
                pixels = rng.integers(0, 4096, (8, 8)).astype(np.uint16) << shift
                Image.fromarray(pixels).save(tmp_path / root / name / f"{i}.png")

    save("twelve", 0)
    save("full", 4)
    twelve, full = (load_folder(tmp_path / name, None, tmp_path / "cache") for name in ("twelve", "full"))
    assert (twelve.pixel_bits, full.pixel_bits) == (12, 16)
    assert twelve.notes == ["The pixels of the 16-bit images use 12 bits: 0..4,095 becomes 0..255."]
    assert full.notes == []
    everything = range(8)
    assert (twelve.images.batch(everything)[0] == full.images.batch(everything)[0]).all()


def test_nearly_black_images_are_noted(tmp_path) -> None:
    for name in ("a", "b"):
        (tmp_path / "d" / name).mkdir(parents=True)
        for i in range(4):
            Image.new("L", (8, 8), 2 + i).save(tmp_path / "d" / name / f"{i}.png")
    (note,) = load_folder(tmp_path / "d", None, tmp_path / "cache").notes
    assert note.startswith(
        "No pixel of the images reaches 64 of 255 (the brightest is 5), so the images are nearly black"
    )
