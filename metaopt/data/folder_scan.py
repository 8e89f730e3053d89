"""Search for image files in a folder of class folders, with or without ``train/`` and ``test/``."""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from metaopt.data.folder_walk import HIDDEN, LeftOut, choose_suffixes, is_folder, list_entries, walk_images
from metaopt.errors import UserError

Split = Literal["train", "validation", "test"]

SPLIT_NAMES: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}


class ImageFile(NamedTuple):
    """One image file.

    Attributes:
        path: path below the root, with ``/``.
        split: the split it belongs to.
        label: index of its class.
        size: size in bytes.
        changed: modification time in ns.
    """

    path: str
    split: Split
    label: int
    size: int
    changed: int


@dataclass
class ImageFolder:
    """Image files of a folder, in an order that is the same on every machine.

    Attributes:
        root: the folder.
        classes: names of the class folders, in natural order (2 before 10).
        files: all image files, ordered by split and class.
        left_out: files and folders that were ignored.
        outside: names of folders beside ``train/`` that were ignored.
    """

    root: Path
    classes: list[str] = field(default_factory=list)
    files: list[ImageFile] = field(default_factory=list)
    left_out: LeftOut = field(default_factory=LeftOut)
    outside: list[str] = field(default_factory=list)

    def notes(self) -> list[str]:
        """Return a note on the files and folders that were ignored; empty if none were."""
        ignored = self.left_out.parts()
        if self.outside:
            ignored.append(f"the folders {', '.join(self.outside)}")
        return [f"Ignored in {self.root.name}: {' and '.join(ignored)}."] if ignored else []


def scan_folder(root: Path) -> ImageFolder:
    """Find all image files without opening any.

    Images in folders below a class folder belong to that class. The folders ``train``, ``test`` and ``val`` (also
    ``training``, ``testing``, ``valid``, ``validation``, in upper or lower case) are splits if a ``train`` folder
    contains folders; otherwise ``train`` may be the name of a class.

    Raises:
        UserError: there are fewer than two class folders, a class folder is empty, or ``test/`` has a class folder that
            ``train/`` lacks.
    """
    folder = ImageFolder(root)
    split_folders = _find_split_folders(folder)
    train = split_folders["train"]
    folder.classes = _list_folders(train)
    _check_classes(train, folder.classes)
    for parent in {root, *split_folders.values()}:
        for entry in _list_entries(parent):
            if entry.name.startswith(HIDDEN) or not is_folder(entry, follow_links=True):
                folder.left_out.add(entry)
    suffixes = choose_suffixes(parent / name for parent in split_folders.values() for name in _list_folders(parent))
    for split, parent in split_folders.items():
        for name in _list_folders(parent):
            if name not in folder.classes:
                raise UserError(f"Class folder {parent / name} has no counterpart in {train}. Rename or remove it.")
            found = list(_find_images(folder, parent / name, split, folder.classes.index(name), suffixes))
            if split == "train" and not found:
                raise UserError(
                    f"Class folder {parent / name} has no images or signals{_other_files(parent / name)}. Add files or"
                    " remove the folder."
                )
            folder.files += found
    return folder


def _find_split_folders(folder: ImageFolder) -> dict[Split, Path]:
    """Return split → its folder; ``train`` alone, with the root itself, if the root has no split folders."""
    names = _list_folders(folder.root)
    found: dict[Split, Path] = {}
    for name in names:
        split = SPLIT_NAMES.get(name.lower())
        if split is not None and split in found:
            raise UserError(
                f"Found both {found[split].name} and {name} in {folder.root}, two names of the same split. Keep one of"
                " them."
            )
        if split is not None:
            found[split] = folder.root / name
    only_splits = bool(found) and len(found) == len(names)
    if "train" in found and (only_splits or _list_folders(found["train"])):
        folder.outside = [name for name in names if name.lower() not in SPLIT_NAMES]
        order: tuple[Split, ...] = ("train", "validation", "test")
        return {split: found[split] for split in order if split in found}
    if only_splits or ("train" not in found and any(_list_folders(path) for path in found.values())):
        have = " and ".join(path.name for path in found.values())
        raise UserError(
            f"Found {have} but no train folder in {folder.root}. Add a train folder, or give a folder of class folders."
        )
    return {"train": folder.root}


def _check_classes(train: Path, classes: list[str]) -> None:
    if not classes:
        raise UserError(
            f"No class folders found in {train}. Put the images of each class into a folder of its own, e.g."
            f" {train / 'cat' / '1.jpg'}."
        )
    if len(classes) == 1:
        only = train / classes[0]
        hint = f"Did you mean {only}?" if _list_folders(only) else "Expected at least two."
        raise UserError(f"Found only one class folder in {train}: {only.name}. {hint}")


def _find_images(
    folder: ImageFolder, parent: Path, split: Split, label: int, suffixes: Collection[str]
) -> Iterator[ImageFile]:
    """Find the images in a folder and below it, and count ignored files; links to folders are not followed."""

    def unreadable(path: str, error: OSError) -> None:
        raise UserError(f"Cannot read folder {path}: {error.strerror}.") from error

    for entry in walk_images(parent, folder.left_out, unreadable, suffixes):
        path = Path(entry.path).relative_to(folder.root).as_posix()
        try:
            stat = entry.stat()
        except OSError:  # a broken link: reading it reports it together with other files that cannot be read
            yield ImageFile(path, split, label, 0, 0)
        else:
            yield ImageFile(path, split, label, stat.st_size, stat.st_mtime_ns)


def _other_files(folder: Path) -> str:
    """Return how many files of which kinds a folder has, as the end of a clause; empty if it has none."""
    others = LeftOut()
    for entry in _list_entries(folder):
        others.add(entry)
    parts = others.parts()
    return f", but {' and '.join(parts)}" if parts else ""


def _list_folders(folder: Path) -> list[str]:
    entries = _list_entries(folder)
    return [entry.name for entry in entries if is_folder(entry, True) and not entry.name.startswith(HIDDEN)]


def _list_entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return list_entries(folder)
    except OSError as error:
        raise UserError(f"Cannot read folder {folder}: {error.strerror}.") from error
