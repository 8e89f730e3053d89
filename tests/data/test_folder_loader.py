import gc
import os
import shutil

import numpy as np
import pytest

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
