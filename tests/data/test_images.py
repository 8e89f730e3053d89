import gc
import pickle

import numpy as np
import pytest

from metaopt.data.images import ArrayImages, FileImages, Images, subset

ARRAY = np.random.default_rng(0).integers(0, 256, (10, 4, 4, 3), np.uint8)
LABELS = {"fine": np.arange(10, dtype=np.int32), "coarse": (np.arange(10) // 5).astype(np.int32)}


@pytest.fixture(params=["array", "file", "subset", "subset of a subset"])
def images(request, tmp_path) -> Images:
    if request.param == "file":
        np.save(tmp_path / "images.npy", ARRAY)
        return FileImages(tmp_path / "images.npy", LABELS)
    whole = ArrayImages(ARRAY, LABELS)
    if request.param == "array":
        return whole
    twice = ArrayImages(np.repeat(ARRAY, 2, axis=0), {head: np.repeat(v, 2) for head, v in LABELS.items()})
    if request.param == "subset":
        return subset(twice, np.arange(0, 20, 2))
    return subset(subset(twice, np.arange(20)[::-1]), np.arange(1, 20, 2)[::-1])


def test_a_batch_has_the_order_of_its_indices(images) -> None:
    pixels, labels = images.batch([7, 2, 2])
    assert (pixels == ARRAY[[7, 2, 2]]).all()
    assert pixels.dtype == np.uint8
    assert labels["fine"].tolist() == [7, 2, 2]
    assert labels["coarse"].dtype == np.int32
    assert list(labels) == list(images.labels) == ["fine", "coarse"]


def test_length_and_all_labels(images) -> None:
    assert len(images) == 10
    assert images.labels["fine"].tolist() == list(range(10))


def test_a_batch_may_be_empty(images) -> None:
    pixels, labels = images.batch([])
    assert pixels.shape == (0, 4, 4, 3)
    assert labels["fine"].shape == (0,)


def test_a_batch_is_a_copy(images) -> None:
    pixels, _ = images.batch(np.arange(10))
    pixels[:] = 0
    assert (images.batch(np.arange(10))[0] == ARRAY).all()


def test_images_survive_pickling(images) -> None:
    again = pickle.loads(pickle.dumps(images))
    assert (again.batch([3])[0] == ARRAY[[3]]).all()


def test_a_temporary_folder_is_removed_with_its_images(tmp_path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    np.save(folder / "images.npy", ARRAY)
    images = FileImages(folder / "images.npy", LABELS)
    images.delete_when_unused(folder)
    part = subset(images, np.arange(3))
    del images
    gc.collect()
    assert len(part.batch([0])[0]) == 1
    del part
    gc.collect()
    assert not folder.exists()


@pytest.mark.parametrize(("rows", "error"), [([10], IndexError), ([-1], IndexError), ([9], OSError)])
def test_missing_or_truncated_rows_raise(tmp_path, rows, error) -> None:
    path = tmp_path / "images.npy"
    np.save(path, ARRAY)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(error):
        FileImages(path, LABELS).batch(rows)


@pytest.mark.parametrize("harm", ["emptied", "zeroed", "other images", "other type"])
def test_a_file_changed_during_a_search_is_an_error_of_the_disk(tmp_path, harm) -> None:
    """An ``OSError`` interrupts a trial, which resumes; any other one would be the failure of its network."""
    path = tmp_path / "images.npy"
    np.save(path, {"other images": ARRAY[:9], "other type": ARRAY.astype(np.float32)}.get(harm, ARRAY))
    if harm in ("emptied", "zeroed"):
        path.write_bytes(b"" if harm == "emptied" else b"\0" * path.stat().st_size)
    with pytest.raises(OSError, match=r"images\.npy is damaged"):
        FileImages(path, LABELS).batch([0])
