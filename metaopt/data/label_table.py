"""The file ``labels.csv`` of a folder: the images and a column for each target."""

import contextlib
import csv
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from metaopt.data.folder_scan import SPLIT_NAMES, ImageFile, ImageFolder, Split
from metaopt.data.folder_walk import KINDS, natural_key, walk_images
from metaopt.data.image_file import IMAGE_SUFFIXES
from metaopt.data.image_targets import MASK, ImageColumn, are_image_files
from metaopt.data.images import LabelArray
from metaopt.data.target_columns import read_column
from metaopt.data.target_kinds import LEFT_OUT, check_heads
from metaopt.errors import Note, UserError
from metaopt.outputs import Output
from metaopt.quantities import plural

LABELS = "labels.csv"
_FILE, _SPLIT = "file", "split"
_MOST_HEADER = 2**16  # characters of the first line
_NAMED = 3  # files that a message names at most
_ORDER: tuple[Split, ...] = ("train", "validation", "test")


@dataclass
class LabelTable:
    """Images and targets of a folder.

    Attributes:
        folder: the image files, those of the training split first.
        targets: head → targets of the files, in their order, without those of image columns.
        outputs: head → output, without those of image columns.
        notes: messages for the user.
        images: head → files of its targets, which are read once the size of the inputs is known.
        heads: all heads, in the order of the columns.
    """

    folder: ImageFolder
    targets: dict[str, LabelArray]
    outputs: dict[str, Output]
    notes: list[str] = field(default_factory=list)
    images: dict[str, ImageColumn] = field(default_factory=dict)
    heads: list[str] = field(default_factory=list)

    def leave_out(self, paths: set[str]) -> None:
        """Leave out images by their paths."""
        rows = np.array([row for row, file in enumerate(self.folder.files) if file.path not in paths], np.int64)
        self.folder.files = [self.folder.files[row] for row in rows]
        self.targets = {head: values[rows] for head, values in self.targets.items()}
        self.images = {head: column.select(rows) for head, column in self.images.items()}


@dataclass(frozen=True)
class _Row:
    """One line of the table.

    Attributes:
        line: its number in the file, from 1.
        path: path of the image below the folder, with ``/``.
        split: its split.
        cells: text of each target.
    """

    line: int
    path: str
    split: Split
    cells: tuple[str, ...]


def has_label_table(root: Path) -> bool:
    """Return whether a folder has a ``labels.csv`` that names its images.

    Beside class folders, a file of this name without the column ``file`` is ignored, as any other file.
    """
    table = root / LABELS
    if not table.is_file():
        return False
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if _FILE in _read_header(table):
            return True
    return not any(entry.is_dir() and not entry.name.startswith(".") for entry in root.iterdir())


def explain_unused_table(root: Path) -> str | None:
    """Return why the ``labels.csv`` of a folder is not used, as a sentence; None if it is, or if there is none."""
    table = root / LABELS
    if not table.is_file() or has_label_table(root):
        return None
    try:
        names = ", ".join(_read_header(table)) or "nothing"
    except UnicodeDecodeError:
        return f"The targets of {table} are not used, because it is not UTF-8: save it as UTF-8."
    except OSError as error:
        return f"The targets of {table} are not used: {error.strerror}."
    return f"The targets of {table} are not used, because it has no column {_FILE}. Its first line has: {names}."


def _read_header(table: Path) -> list[str]:
    with table.open(encoding="utf-8-sig") as file:
        names = re.split("[,;\t]", file.readline(_MOST_HEADER))
    return [name.strip().strip('"') for name in names if name.strip()]


def read_label_table(root: Path, wanted: Mapping[str, str], skip_broken: bool = False) -> LabelTable:
    """Read ``labels.csv`` and find the images that it names; none is opened.

    The column ``file`` has paths below the folder. An optional column ``split`` has ``train``, ``validation`` or
    ``test``. Every other column is a target, the first one that of the objective. A column of names of image files has
    image targets, and a further column of that name with ``_mask`` their masks. Rows with an empty target are left out,
    and so are images that the table does not name.

    Args:
        root: the folder.
        wanted: target → kind, ``none`` for a column that is no target; the kinds of others are inferred.
        skip_broken: leave out rows whose file is missing, instead of raising an error.

    Raises:
        UserError: The table cannot be read, names a file twice or one that does not exist, or a target is invalid.
    """
    table = root / LABELS
    heads, rows = _read_rows(table)
    check_heads(wanted, heads, LABELS)
    kept = [column for column, head in enumerate(heads) if wanted.get(head) != LEFT_OUT]
    if not kept:
        raise UserError(f"No target left in {table}. Expected a column besides {_FILE}.")
    complete = [row for row in rows if all(row.cells[column] for column in kept)]
    pictures = _find_image_columns(heads, kept, complete, wanted)
    notes = _note_unlabelled(rows, complete, [heads[column] for column in kept])
    folder, found, missing = _find_files(root, complete, skip_broken)
    listed = {row.path for row in rows}
    listed |= {
        _as_posix(row.cells[column])
        for row in rows
        for pair in pictures.items()
        for column in pair
        if column is not None
    }
    notes += missing + _note_unlisted(root, folder, listed)
    found.sort(key=lambda row: _ORDER.index(row.split))  # stable: in the order of the table within each split
    sizes = {file.path: file for file in folder.files}
    folder.files = [sizes[row.path]._replace(split=row.split) for row in found]
    if not any(row.split == "train" for row in found):
        raise UserError(f"No complete row for training in {table}. Add rows with a value in every column.")
    is_training = np.array([row.split != "test" for row in found])
    result = LabelTable(folder, {}, {}, notes)
    lines = [row.line for row in found]
    kinds = []
    for column in kept:
        head, cells = heads[column], [row.cells[column] for row in found]
        if column in pictures.values():
            continue
        result.heads.append(head)
        if column in pictures:
            mask = pictures[column]
            files, masks = (_checked_paths(each, lines, table) for each in (cells, _cells_of(found, mask)))
            result.images[head] = ImageColumn(head, tuple(row.path for row in found), files, masks, tuple(lines))
            kinds.append(f"{head} is image" + ("" if mask is None else f" with the masks {heads[mask]}"))
            continue
        read = read_column(head, cells, lines, is_training, wanted.get(head), table.name)
        result.targets[head], result.outputs[head] = read
        kinds.append(f"{head} is {result.outputs[head].kind}")
    told = f"Targets of {root.name} from {LABELS}: {', '.join(kinds)} (set target to change this)."
    notes.insert(0, Note(told, "target"))
    return result


def _find_image_columns(
    heads: Sequence[str], kept: Sequence[int], rows: Sequence[_Row], wanted: Mapping[str, str]
) -> dict[int, int | None]:
    """Return the columns of image targets, each with the column of its masks or None."""
    found: dict[int, int | None] = {}
    for column in kept:
        kind = wanted.get(heads[column])
        are_files = bool(rows) and are_image_files([row.cells[column] for row in rows])
        if kind == "image" or (kind is None and are_files):
            found[column] = None
    for column in list(found):
        base = heads[column].removesuffix(MASK)
        if base != heads[column] and base in heads and heads.index(base) in found:
            found[heads.index(base)] = column
            del found[column]
    return found


def _checked_paths(cells: Sequence[str], lines: Sequence[int], table: Path) -> tuple[str, ...]:
    return tuple(_checked_path(cell, line, table) for cell, line in zip(cells, lines, strict=False))


def _cells_of(rows: Sequence[_Row], column: int | None) -> list[str]:
    return [] if column is None else [row.cells[column] for row in rows]


def _as_posix(path: str) -> str:
    return str(PurePosixPath(path.replace("\\", "/")))


def _read_rows(table: Path) -> tuple[list[str], list[_Row]]:
    """Return the names of the targets, and all rows.

    Raises:
        UserError: The file cannot be read, or has no such table.
    """
    try:
        text = table.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UserError(f"Cannot read {table}: {reason}.") from error
    head, *_ = text.split("\n", 1)
    delimiter = next((mark for mark in ",;\t" if mark in head), ",")
    reader = csv.reader(text.splitlines(), delimiter=delimiter, strict=True)
    try:
        lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise UserError(f"Cannot read {table}: line {reader.line_num}: {error}.") from error
    lines = [(number, cells) for number, cells in lines if any(cells)]
    names = lines[0][1] if lines else []
    if _FILE not in names:
        found = ", ".join(names) or "nothing"
        raise UserError(f"No column {_FILE} in {table}. Expected a first line with {_FILE} and the targets: {found}.")
    twice = [name for name in names if names.count(name) > 1 or not name]
    if twice:
        raise UserError(f"Invalid column names in {table}: {twice[0] or 'an empty one'}. Expected each name once.")
    columns = [index for index, name in enumerate(names) if name not in (_FILE, _SPLIT)]
    heads = [names[index] for index in columns]
    rows = []
    known: dict[str, int] = {}
    for number, cells in lines[1:]:
        if len(cells) != len(names):
            found = f"Line {number} of {table} has {plural(len(cells), 'cell')}"
            quoting = f"; quote a cell that contains {delimiter!r}" if len(cells) > len(names) else ""
            raise UserError(f"{found}. Expected {len(names)}, as in line 1{quoting}.")
        path = _checked_path(cells[names.index(_FILE)], number, table)
        if path in known:
            raise UserError(f"{table} names {path} twice, in lines {known[path]} and {number}. Keep one of them.")
        known[path] = number
        split = _split_of(cells[names.index(_SPLIT)], number, table) if _SPLIT in names else "train"
        rows.append(_Row(number, path, split, tuple(cells[index] for index in columns)))
    return heads, rows


def _checked_path(text: str, number: int, table: Path) -> str:
    """Return the path below the folder.

    Raises:
        UserError: It is empty, or leads out of the folder.
    """
    path = PurePosixPath(_as_posix(text))
    if not text or path.is_absolute() or ".." in path.parts:
        raise UserError(f"Invalid file in line {number} of {table}: {text or 'empty'}. Expected a path in the folder.")
    return str(path)


def _split_of(text: str, number: int, table: Path) -> Split:
    if (split := SPLIT_NAMES.get(text.lower())) is None:
        raise UserError(f"Invalid split in line {number} of {table}: {text}. Expected train, validation or test.")
    return split


def _find_files(root: Path, rows: Sequence[_Row], skip_broken: bool) -> tuple[ImageFolder, list[_Row], list[str]]:
    """Return the files of the rows, the rows whose file is there, and notes on others.

    Raises:
        UserError: Files are missing.
    """
    folder, found, missing = ImageFolder(root), [], []
    for row in rows:
        try:
            stat = os.stat(root / row.path)
        except OSError:
            missing.append(row)
            continue
        folder.files.append(ImageFile(row.path, row.split, 0, stat.st_size, stat.st_mtime_ns))
        found.append(row)
    if not missing:
        return folder, found, []
    named = ", ".join(f"{row.path} (line {row.line})" for row in missing[:_NAMED])
    rest = f" and {len(missing) - _NAMED:,} more" if len(missing) > _NAMED else ""
    if not skip_broken:
        raise UserError(
            f"{root / LABELS} names files that do not exist: {named}{rest}. Correct the paths, or leave out missing"
            " images with skip_broken.",
            "skip_broken",
        )
    return folder, found, [f"Left out {len(missing):,} rows of {LABELS} whose file does not exist: {named}{rest}."]


def _note_unlabelled(rows: Sequence[_Row], complete: Sequence[_Row], heads: Sequence[str]) -> list[str]:
    """Return a note on the rows that lack a target; empty if none does."""
    n_left = len(rows) - len(complete)
    if not n_left:
        return []
    partly = sum(any(row.cells) for row in rows) - len(complete)
    *others, last = heads
    named = f"{', '.join(others)} or {last}" if others else last
    what = f"{n_left:,} of {len(rows):,} rows of {LABELS} without a value for {named}"
    return [f"Left out {what}, {partly:,} of them partly labelled."]


def _note_unlisted(root: Path, folder: ImageFolder, listed: set[str]) -> list[str]:
    """Return a note on the images of the folder that the table does not name; empty if it names all."""

    def unreadable(path: str, error: OSError) -> None:
        raise UserError(f"Cannot read folder {path}: {error.strerror}.") from error

    named_suffixes = {PurePosixPath(path).suffix.lower() for path in listed}
    suffixes = IMAGE_SUFFIXES.union(*(kind for kind in KINDS if named_suffixes & set(kind)))
    entries = walk_images(root, folder.left_out, unreadable, suffixes)
    paths = (Path(entry.path).relative_to(root).as_posix() for entry in entries)
    unlisted = sorted(set(paths) - listed - {LABELS}, key=natural_key)
    folder.left_out.others.subtract({".csv": 1})
    folder.left_out.others += type(folder.left_out.others)()  # drops counts of 0
    if not unlisted:
        return []
    named = ", ".join(unlisted[:_NAMED]) + (", …" if len(unlisted) > _NAMED else "")
    return [f"Left out {len(unlisted):,} files of {root.name} that {LABELS} does not name: {named}."]
