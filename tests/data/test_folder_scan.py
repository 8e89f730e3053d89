import os

import pytest

from metaopt.data.folder_scan import scan_folder
from metaopt.data.folder_walk import natural_key
from metaopt.errors import UserError


def test_natural_key_sorts_numbers_by_value() -> None:
    assert sorted(["10", "2", "1"], key=natural_key) == ["1", "2", "10"]
    assert sorted(["②", "²", "१", "1", "x"], key=natural_key)[0] == "1"  # digits of other scripts are letters here
    assert sorted(["b", "A1", "a10", "a2", "01", "1"], key=natural_key) == ["01", "1", "A1", "a2", "a10", "b"]


def test_class_folders_are_found(make_folder) -> None:
    tree = scan_folder(make_folder({"10": 2, "2": 1, "1": 3}))
    assert tree.classes == ["1", "2", "10"]
    assert [(file.path, file.split, file.label) for file in tree.files] == [
        ("1/0.png", "train", 0),
        ("1/1.png", "train", 0),
        ("1/2.png", "train", 0),
        ("2/0.png", "train", 1),
        ("10/0.png", "train", 2),
        ("10/1.png", "train", 2),
    ]
    assert tree.notes() == []


def test_split_folders_in_upper_or_lower_case(make_folder) -> None:
    tree = scan_folder(make_folder({"Train/a": 1, "Train/b": 1, "TEST/b": 2, "val/a": 1}))
    assert [file.split for file in tree.files] == ["train", "train", "validation", "test", "test"]
    assert [file.label for file in tree.files] == [0, 1, 0, 1, 1]


def test_a_train_folder_alone(make_folder) -> None:
    tree = scan_folder(make_folder({"train/a": 1, "train/b": 1}))
    assert tree.classes == ["a", "b"]
    assert {file.split for file in tree.files} == {"train"}


def test_a_class_may_be_called_train(make_folder) -> None:
    assert scan_folder(make_folder({"car": 1, "plane": 1, "train": 1})).classes == ["car", "plane", "train"]


def test_images_in_nested_folders_belong_to_the_class(make_folder) -> None:
    tree = scan_folder(make_folder({"a": 1, "a/more/still": 2, "b": 1}))
    assert [file.label for file in tree.files] == [0, 0, 0, 1]


def test_hidden_and_other_files_are_ignored_and_counted(make_folder) -> None:
    root = make_folder({"a": 2, "b": 2, ".thumbs": 1, "__MACOSX": 1})
    for name in ("a/._0.png", "a/notes.txt", "b/Thumbs.db", "README", ".DS_Store", "b/list.TXT"):
        (root / name).write_text("not an image")
    tree = scan_folder(root)
    assert len(tree.files) == 4
    assert tree.notes() == [
        "Ignored in pets: 4 other files (.db 1, .txt 2, no suffix 1) and 4 hidden files or folders."
    ]


def test_folders_beside_the_splits_are_ignored(make_folder) -> None:
    tree = scan_folder(make_folder({"train/a": 1, "train/b": 1, "scripts": 1}))
    assert tree.notes() == ["Ignored in pets: the folders scripts."]


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({".": 2}, "No class folders found in .*pets. Put the images"),
        ({"train": 2, "test": 2}, "No class folders found in .*train"),
        ({"train": 2}, "No class folders found in .*train"),
        ({"a": 2}, "only one class folder in .*pets: a. Expected at least two"),
        ({"pets/a": 2, "pets/b": 2}, "Did you mean .*pets/pets"),
        ({"a": 2, "b": 0}, "Class folder .*b has no images"),
        ({"train/a": 2, "train/b": 2, "test/c": 1}, "test/c has no counterpart in .*train"),
        ({"test/a": 2, "test/b": 2}, "Found test but no train folder in .*pets"),
        ({"a": 2, "b": 2, "test/a": 2}, "Found test but no train folder in .*pets"),
        ({"train/a": 2, "train/b": 2, "Train/a": 2}, "Found both"),
    ],
)
def test_invalid_layouts_raise(make_folder, counts, message) -> None:
    with pytest.raises(UserError, match=message):
        scan_folder(make_folder(counts))


def test_files_of_another_kind_in_a_class_folder_are_counted(make_folder) -> None:
    root = make_folder({"a": 2, "b": 0})
    (root / "b" / "1.mp3").touch()
    with pytest.raises(UserError, match=r"b has no images or signals, but 1 other file \(\.mp3 1\)\. Add files"):
        scan_folder(root)


def test_links_to_folders_are_not_followed(make_folder) -> None:
    root = make_folder({"a": 1, "b": 1})
    (root / "a" / "again").symlink_to(root / "a")
    assert len(scan_folder(root).files) == 2


@pytest.mark.slow
def test_folders_may_be_nested_deeper_than_the_stack(make_folder) -> None:
    root = make_folder({"a": 1, "b": 1})
    deep = root / "a"
    for _ in range(1_020):
        deep = deep / "d"
        deep.mkdir()
    image = deep / "deep.png"
    image.touch()
    try:
        assert scan_folder(root).files[1].path == f"a/{'d/' * 1_020}deep.png"
    finally:  # pytest could not remove it
        image.unlink()
        for folder in (deep, *deep.parents[:1_019]):
            folder.rmdir()


def test_links_in_a_circle_are_no_folders(make_folder) -> None:
    root = make_folder({"a": 1, "b": 1})
    (root / "loop").symlink_to(root / "loop")
    (root / "a" / "loop").symlink_to(root / "a" / "loop")
    folder = scan_folder(root)
    assert folder.classes == ["a", "b"]
    assert folder.notes() == ["Ignored in pets: 2 other files (no suffix 2)."]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_folder_without_permission_raises(make_folder) -> None:
    root = make_folder({"a": 1, "b": 1})
    (root / "a" / "closed").mkdir(mode=0)
    with pytest.raises(UserError, match="closed: Permission denied"):
        scan_folder(root)
