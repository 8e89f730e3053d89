from pathlib import Path

import numpy as np

from metaopt.data import DataSpec, load
from metaopt.data.fingerprint import digest_images, fingerprint, note_contradicting_labels, note_shared_images

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 1), np.uint8)
LABELS = {"label": np.array([0, 1, 0, 1, 0, 1], np.int32)}


def test_digests_identify_images() -> None:
    content = digest_images(IMAGES)
    assert len(set(content.tolist())) == 6
    assert (digest_images(IMAGES[::2]) == content[::2]).all()  # also for an array that is not contiguous


def test_fingerprint_depends_on_images_labels_and_heading() -> None:
    content = digest_images(IMAGES)
    first = fingerprint({"shape": [4, 4, 1]}, [LABELS], [content])
    assert first == fingerprint({"shape": [4, 4, 1]}, [LABELS], [content]) == "91ec2a093fdb6e1ed44aec07ac543b5a"
    other_labels = {"label": LABELS["label"][::-1]}
    others = [
        fingerprint({"shape": [4, 4, 3]}, [LABELS], [content]),
        fingerprint({"shape": [4, 4, 1]}, [other_labels], [content]),
        fingerprint({"shape": [4, 4, 1]}, [LABELS], [content[::-1]]),
        fingerprint({"shape": [4, 4, 1]}, [{"fine": LABELS["label"]}], [content]),
    ]
    assert len({first, *others}) == 5


def test_shared_images_are_counted() -> None:
    content = digest_images(IMAGES)
    assert note_shared_images(content[:3], content[3:], "test", "training") == []
    (note,) = note_shared_images(content[:4], content[3:], "test", "training")
    assert note.startswith("1 of the 4 test images is also among the training images")


def test_an_image_with_two_labels_is_noted() -> None:
    content = digest_images(IMAGES)
    assert note_contradicting_labels(np.repeat(content, 2), np.repeat(LABELS["label"], 2)) == []
    content[1] = content[0]
    assert note_contradicting_labels(content, LABELS["label"]) == ["1 image occurs in more than one class."]


def test_notes_on_folds_count_images_across_folds(tmp_path: Path) -> None:
    """Each image twice: with as many folds as images of a class, each is trained on where it validates."""
    images = np.random.default_rng(0).integers(0, 255, (8, 8, 8, 1), np.uint8)
    others = np.random.default_rng(1).integers(0, 255, (4, 8, 8, 1), np.uint8)
    labels = np.arange(8) % 2
    data = {"x_train": [*images, *images], "y_train": [*labels, *labels], "x_test": others, "y_test": [0, 1, 0, 1]}
    np.savez(tmp_path / "twice.npz", **data)
    loaded = load(DataSpec(str(tmp_path / "twice.npz")))
    (split,) = [note for note in loaded.notes if "validation images" in note]
    assert loaded.notes_on(1) == loaded.notes
    (folds,) = [note for note in loaded.notes_on(8) if "validat" in note]
    assert split not in loaded.notes_on(8)
    assert folds == (
        "16 of the 16 images that the 8 folds validate with are also among the training images of the same fold, so the"
        " validation scores are optimistic."
    )
