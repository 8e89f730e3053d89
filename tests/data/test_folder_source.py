import gc
import os
import shutil

import numpy as np
import pytest

from metaopt.data.folder_source import folder_source


def test_parts_notes_and_classes(make_folder, tmp_path) -> None:
    root = make_folder({"train/a": 4, "train/b": 4, "val/a": 2, "test/b": 3}, size=lambda i: (8 + i, 20))
    source = folder_source(root, None, tmp_path / "cache")
    assert source.class_names == {"label": ["a", "b"]}
    assert len(source.images) == 10
    assert source.validation is not None
    assert source.images.labels["label"][source.validation].tolist() == [0, 0]
    assert source.test is not None
    assert source.test.labels["label"].tolist() == [1, 1, 1]
    assert len(source.digests) == 10
    assert len(source.test_digests) == 3
    assert source.notes == [
        "The pictures, with shorter sides of 8 to 11 pixels, are cut to their central square and resized to 9×9 "
        "(--image-size changes that).",
        "The 2 pictures of its own validation folder are the validation part.",
        "The validation folder has no pictures of b.",
        "The test folder has no pictures of a.",
    ]


def test_that_pictures_of_one_size_lose_their_sides_is_said(make_folder, tmp_path) -> None:
    source = folder_source(make_folder({"a": 2, "b": 2}, size=(20, 60)), None, tmp_path / "cache")
    assert source.shape[:2] == (20, 20)
    assert source.notes[0].startswith("The pictures, with shorter sides of 20 pixels, are cut to their central square")
    square = make_folder({"a": 2, "b": 2}, size=(20, 20), root="square")
    assert folder_source(square, None, tmp_path / "cache").notes == []


@pytest.mark.parametrize(("channels", "advice"), [(1, "none"), (3, "flip")])
def test_colour_is_flipped(make_folder, tmp_path, channels, advice) -> None:
    root = make_folder({"a": 2, "b": 2}, channels=channels)
    assert folder_source(root, None, tmp_path / "cache").advice == advice


def test_the_fingerprint_is_of_the_content_wherever_it_lies(make_folder, tmp_path) -> None:
    root = make_folder({"a": 4, "b": 4})
    first = folder_source(root, None, None).fingerprint
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    os.utime(copy / "a" / "0.png", (1, 1))
    assert folder_source(copy, None, None).fingerprint == first
    assert folder_source(copy, 4, None).fingerprint != first
    (copy / "a" / "0.png").rename(copy / "b" / "7.png")
    assert folder_source(copy, None, None).fingerprint != first


def test_the_temporary_directory_goes_with_the_source(make_folder) -> None:
    source = folder_source(make_folder({"a": 4, "b": 4}), None, None)
    path = source.images.base.path
    assert np.load(path).shape == (8, 8, 8, 3)
    del source
    gc.collect()
    assert not path.parent.parent.exists()
