import numpy as np

from metaopt.data.content import contradiction_note, digests, fingerprint, shared_note

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 1), np.uint8)
LABELS = {"label": np.array([0, 1, 0, 1, 0, 1], np.int32)}


def test_digests_tell_images_apart_and_know_them_again() -> None:
    content = digests(IMAGES)
    assert len(set(content.tolist())) == 6
    assert (digests(IMAGES[::2]) == content[::2]).all()  # also where they do not lie in one piece


def test_the_fingerprint_is_of_images_labels_and_heading() -> None:
    content = digests(IMAGES)
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


def test_shared_pictures_are_counted_and_said() -> None:
    content = digests(IMAGES)
    assert shared_note(content[:3], content[3:], "test", "training") == []
    (note,) = shared_note(content[:4], content[3:], "test", "training")
    assert note.startswith("1 of the 4 test images is also among the training images")


def test_a_picture_under_two_classes_is_said() -> None:
    content = digests(IMAGES)
    assert contradiction_note(np.repeat(content, 2), np.repeat(LABELS["label"], 2)) == []
    content[1] = content[0]
    assert contradiction_note(content, LABELS["label"]) == ["1 picture occurs in more than one class."]
