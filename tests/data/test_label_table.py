"""Folders of images with a ``labels.csv``."""

from pathlib import Path

import numpy as np
import pytest

from metaopt.data import DataSpec, load
from metaopt.data.folder_loader import load_folder
from metaopt.data.label_table import read_label_table
from metaopt.errors import UserError
from metaopt.outputs import ClassOutput, LabelOutput, NumberOutput

CELLS = [(f"{20 + i / 2}", "sea" if i % 2 else "town", "a;b" if i % 3 else "-") for i in range(30)]
ROWS = [("age", "place", "tags"), *CELLS]


@pytest.fixture
def folder(make_folder) -> Path:
    """Thirty images with three targets each, of which the table names all."""
    root = make_folder({"img": 30})
    write(root, ROWS)
    return root


def write(root: Path, rows, mark: str = ",", names=None) -> None:
    head, *others = rows
    names = names or [f"img/{i}.png" for i in range(len(others))]
    lines = [mark.join(("file", *head)), *(mark.join((name, *row)) for name, row in zip(names, others, strict=True))]
    (root / "labels.csv").write_text("\n".join(lines) + "\n")


def edited(root: Path, row: int, column: int, text: str) -> None:
    rows = [list(each) for each in ROWS]
    rows[row + 1][column] = text
    write(root, rows)


def test_the_types_of_columns_are_inferred_and_said(folder: Path) -> None:
    table = read_label_table(folder, {})
    assert table.outputs == {
        "age": NumberOutput(("age",)),
        "place": ClassOutput(("sea", "town")),
        "tags": LabelOutput(("a", "b")),
    }
    assert table.targets["age"][:3, 0].tolist() == [20.0, 20.5, 21.0]
    assert table.targets["place"][:3].tolist() == [1, 0, 1]
    assert table.targets["tags"][:2].tolist() == [[0, 0], [1, 1]]
    assert "age is number, place is classes, tags is labels (set target to change this)." in table.notes[0]


def test_the_user_sets_kinds_and_leaves_out_columns(folder: Path) -> None:
    table = read_label_table(folder, {"age": "classes", "tags": "none", "place": "classes"} | {"age": "none"})
    assert list(table.outputs) == ["place"]


def test_a_column_that_is_left_out_may_have_any_name(folder: Path) -> None:
    write(folder, [("age", "taken at", "Größe"), *CELLS])
    assert list(read_label_table(folder, {"taken at": "none", "Größe": "none"}).outputs) == ["age"]


@pytest.mark.parametrize("mark", [",", "\t"])
def test_delimiters_are_recognised(folder: Path, mark: str) -> None:
    write(folder, ROWS, mark)
    assert len(read_label_table(folder, {}).folder.files) == 30


def test_few_integers_are_classes_and_many_are_numbers(folder: Path) -> None:
    write(folder, [("few", "many"), *((str(i % 3), str(i)) for i in range(30))])
    kinds = [output.kind for output in read_label_table(folder, {}).outputs.values()]
    assert kinds == ["classes", "number"]


def test_unlabelled_and_unlisted_images_are_said_and_left_out(folder: Path) -> None:
    rows = [list(each) for each in ROWS]
    rows[1][0] = ""
    rows[2] = ["", "", ""]
    write(folder, rows[:-2])
    table = read_label_table(folder, {})
    assert len(table.folder.files) == 26
    assert any("Left out 2 of 28 rows of labels.csv" in note and "1 of them partly" in note for note in table.notes)
    assert any("Left out 2 files of pets that labels.csv does not name: img/28.png" in note for note in table.notes)


def test_a_column_split_gives_the_splits(folder: Path) -> None:
    splits = ["train"] * 20 + ["val"] * 5 + ["test"] * 5
    write(folder, [("split", *ROWS[0]), *((split, *row) for split, row in zip(splits, ROWS[1:], strict=True))])
    data = load(DataSpec(str(folder)))
    assert [len(split) for split in (data.train, data.validation, data.test())] == [20, 5, 5]


def test_images_and_targets_stay_together(folder: Path) -> None:
    data = load_folder(folder, None, None)
    order = [20 + i / 2 for i in range(30)]
    assert data.images.labels["age"][:, 0].tolist() == order
    shuffled = [29 - i for i in range(30)]
    write(folder, [ROWS[0], *(ROWS[1 + i] for i in shuffled)], names=[f"img/{i}.png" for i in shuffled])
    other = load_folder(folder, None, None)
    assert (other.digests[::-1] == data.digests).all()
    assert other.images.labels["age"][::-1, 0].tolist() == order


def test_broken_images_are_left_out_with_their_targets(folder: Path) -> None:
    (folder / "img" / "3.png").write_bytes(b"broken")
    (folder / "img" / "5.png").unlink()
    data = load_folder(folder, None, None, skip_broken=True)
    ages = set(np.asarray(data.images.labels["age"][:, 0]).tolist())
    assert len(data.images) == 28
    assert not ages & {21.5, 22.5}


def test_missing_files_are_named(folder: Path) -> None:
    (folder / "img" / "5.png").unlink()
    with pytest.raises(UserError, match=r"files that do not exist: img/5.png \(line 7\)"):
        read_label_table(folder, {})


@pytest.mark.parametrize(
    ("row", "column", "text", "message"),
    [
        (4, 0, "old", "Text among the numbers of column age in labels.csv: old in line 6"),
        (4, 0, "nan", "column age of labels.csv, line 6: nan"),
        (4, 0, "1e999", "column age of labels.csv, line 6: 1e999"),
    ],
)
def test_invalid_cells_are_named(folder: Path, row: int, column: int, text: str, message: str) -> None:
    edited(folder, row, column, text)
    with pytest.raises(UserError, match=message):
        read_label_table(folder, {})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("file\nimg/0.png\n", "Expected a column besides file"),
        ("file,age\nimg/0.png,1,2\n", "Line 2 of .* has 3 cells. Expected 2, as in line 1; quote a cell .* ','"),
        ("file,age\nimg/0.png\n", r"Line 2 of .* has 1 cell. Expected 2, as in line 1\."),
        ("file,age\nimg/0.png,1.5\nimg/0.png,2\n", "names img/0.png twice, in lines 2 and 3"),
        ("file,age\n../x.png,1.5\n", "Invalid file in line 2"),
        ("file,age,age\nimg/0.png,1,2\n", "Invalid column names .*: age"),
        ("file,age\nimg/0.png,\n", "No complete row for training"),
        ("file,split,age\nimg/0.png,trian,1.5\n", "Invalid split in line 2"),
        ("file,kind\nimg/0.png,cat\nimg/1.png,cat\n", "Found one class in column kind"),
    ],
)
def test_invalid_tables_are_named(folder: Path, content: str, message: str) -> None:
    (folder / "labels.csv").write_text(content)
    with pytest.raises(UserError, match=message):
        read_label_table(folder, {})


def test_targets_need_a_table(make_folder) -> None:
    root = make_folder({"cat": 5, "dog": 5})
    with pytest.raises(UserError, match=r"Target age needs a file labels.csv"):
        load_folder(root, None, None, targets={"age": "number"})


def test_another_labels_csv_beside_class_folders_is_ignored(make_folder) -> None:
    root = make_folder({"cat": 5, "dog": 5})
    (root / "labels.csv").write_text("name,breed\nrex,boxer\n")
    data = load_folder(root, None, None)
    assert data.outputs == {"label": ClassOutput(("cat", "dog"))}
    assert any("labels.csv are not used, because it has no column file. Its first" in note for note in data.notes)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"File,age\nimg/0.png,1\n", "no column file. Its first line has: File, age"), (b"file,gr\xf6sse\n", "not UTF-8")],
)
def test_a_table_that_is_not_used_is_named_where_class_folders_are_missing(folder: Path, content, reason) -> None:
    (folder / "labels.csv").write_bytes(content)
    with pytest.raises(UserError, match=rf"one class folder .*labels\.csv are not used, because .*{reason}"):
        load_folder(folder, None, None)


def test_the_split_of_a_table_is_named_as_such(folder: Path) -> None:
    write(folder, [("split", "age"), *(("validation" if i % 5 == 0 else "train", f"{i / 2}") for i in range(30))])
    notes = load_folder(folder, None, None).notes
    assert "Using the 6 images of the split validation in labels.csv as the validation split." in notes


def test_a_label_of_every_image_is_refused(folder: Path) -> None:
    write(folder, [("tags",), *((f"a;b{i % 2}",) for i in range(30))])
    with pytest.raises(UserError, match=r"In column tags of labels\.csv every image has the label a"):
        read_label_table(folder, {})


@pytest.mark.parametrize("content", ["", "name,age\na.png,1\n"])
def test_a_table_without_the_column_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "labels.csv").write_text(content)
    with pytest.raises(UserError, match="No column file"):
        load_folder(tmp_path, None, None)
