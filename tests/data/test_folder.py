import pytest

from metaopt.data.folder import natural, scan
from metaopt.errors import UserError


def test_numbers_sort_by_value() -> None:
    assert sorted(["10", "2", "1"], key=natural) == ["1", "2", "10"]
    assert sorted(["②", "²", "१", "1", "x"], key=natural)[0] == "1"  # digits of other scripts are letters here
    assert sorted(["b", "A1", "a10", "a2", "01", "1"], key=natural) == ["01", "1", "A1", "a2", "a10", "b"]


def test_class_folders(make_folder) -> None:
    tree = scan(make_folder({"10": 2, "2": 1, "1": 3}))
    assert tree.classes == ["1", "2", "10"]
    assert [(file.path, file.part, file.label) for file in tree.files] == [
        ("1/0.png", "train", 0),
        ("1/1.png", "train", 0),
        ("1/2.png", "train", 0),
        ("2/0.png", "train", 1),
        ("10/0.png", "train", 2),
        ("10/1.png", "train", 2),
    ]
    assert tree.notes() == []


def test_parts_in_any_case_of_letters(make_folder) -> None:
    tree = scan(make_folder({"Train/a": 1, "Train/b": 1, "TEST/b": 2, "val/a": 1}))
    assert [file.part for file in tree.files] == ["train", "train", "validation", "test", "test"]
    assert [file.label for file in tree.files] == [0, 1, 0, 1, 1]


def test_only_train(make_folder) -> None:
    tree = scan(make_folder({"train/a": 1, "train/b": 1}))
    assert tree.classes == ["a", "b"]
    assert {file.part for file in tree.files} == {"train"}


def test_a_class_may_be_called_train(make_folder) -> None:
    assert scan(make_folder({"car": 1, "plane": 1, "train": 1})).classes == ["car", "plane", "train"]


def test_pictures_in_deeper_folders_belong_to_the_class(make_folder) -> None:
    tree = scan(make_folder({"a": 1, "a/more/still": 2, "b": 1}))
    assert [file.label for file in tree.files] == [0, 0, 0, 1]


def test_hidden_and_other_files_are_left_out_and_counted(make_folder) -> None:
    root = make_folder({"a": 2, "b": 2, ".thumbs": 1, "__MACOSX": 1})
    for name in ("a/._0.png", "a/notes.txt", "b/Thumbs.db", "README", ".DS_Store", "b/list.TXT"):
        (root / name).write_text("no picture")
    tree = scan(root)
    assert len(tree.files) == 4
    assert tree.notes() == ["Left out of pets: 4 other files (.db 1, .txt 2, no suffix 1) and 4 hidden ones."]


def test_folders_beside_the_parts_are_left_out_and_said(make_folder) -> None:
    tree = scan(make_folder({"train/a": 1, "train/b": 1, "scripts": 1}))
    assert tree.notes() == ["Left out of pets: the folders scripts."]


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({".": 2}, "has no class folders; put the pictures"),
        ({"train": 2, "test": 2}, "train has no class folders"),
        ({"train": 2}, "train has no class folders"),
        ({"a": 2}, "only one class folder, a; at least two are needed"),
        ({"pets/a": 2, "pets/b": 2}, "did you mean --data .*pets/pets"),
        ({"a": 2, "b": 0}, "class folder .*b has no pictures"),
        ({"train/a": 2, "train/b": 2, "test/c": 1}, "test/c is a class that .*train does not have"),
        ({"test/a": 2, "test/b": 2}, "has test but no train folder"),
        ({"a": 2, "b": 2, "test/a": 2}, "has test but no train folder"),
        ({"train/a": 2, "train/b": 2, "Train/a": 2}, "has both"),
    ],
)
def test_bad_folders(make_folder, counts, message) -> None:
    with pytest.raises(UserError, match=message):
        scan(make_folder(counts))


def test_a_broken_link_is_named(make_folder) -> None:
    root = make_folder({"a": 1, "b": 1})
    (root / "a" / "gone.png").symlink_to(root / "nowhere.png")
    with pytest.raises(UserError, match=r"gone\.png cannot be read: No such file"):
        scan(root)


def test_a_loop_of_links_ends(make_folder) -> None:
    root = make_folder({"a": 1, "b": 1})
    (root / "a" / "again").symlink_to(root / "a")
    assert len(scan(root).files) == 2
