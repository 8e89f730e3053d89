"""A folder of class folders, with or without ``train/`` and ``test/``: which pictures it has, of which class."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from metaopt.data.picture import SUFFIXES
from metaopt.errors import UserError

Part = Literal["train", "validation", "test"]

_PART_NAMES: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}


_HIDDEN = (".", "__MACOSX")
"""How names of hidden files and folders begin; the second is what archives made on a Mac bring along."""


class PictureFile(NamedTuple):
    """One picture: its path below the root with ``/``, its part and class, bytes, and time of change in ns."""

    path: str
    part: Part
    label: int
    size: int
    changed: int


@dataclass
class Tree:
    """The pictures of a folder, in an order that is the same on every machine.

    Attributes:
        root: the folder.
        classes: names of the class folders, in natural order (2 before 10).
        files: all pictures, part by part, class by class.
        hidden: number of hidden files and folders that were left out.
        others: suffix → number of other files that were left out.
        outside: names of folders beside ``train/`` that were left out.
    """

    root: Path
    classes: list[str] = field(default_factory=list)
    files: list[PictureFile] = field(default_factory=list)
    hidden: int = 0
    others: Counter[str] = field(default_factory=Counter)
    outside: list[str] = field(default_factory=list)

    def notes(self) -> list[str]:
        """What was left out."""
        left_out = []
        if self.others:
            kinds = ", ".join(f"{kind} {count:,}" for kind, count in sorted(self.others.items()))
            left_out.append(f"{sum(self.others.values()):,} other files ({kinds})")
        if self.hidden:
            left_out.append(f"{self.hidden:,} hidden ones")
        if self.outside:
            left_out.append(f"the folders {', '.join(self.outside)}")
        return [f"Left out of {self.root.name}: {' and '.join(left_out)}."] if left_out else []


def natural(name: str) -> tuple[list[str | int], str]:
    """A key that sorts numbers in names by their value: 1, 2, …, 10."""
    parts = re.split("([0-9]+)", name)  # every second one is a number
    return [int(part) if index % 2 else part.casefold() for index, part in enumerate(parts)], name


def scan(root: Path) -> Tree:
    """Finds all pictures; none is opened.

    Pictures in folders below a class folder belong to that class. The folders ``train``, ``test`` and ``val`` (also
    ``training``, ``testing``, ``valid``, ``validation``, in any case of letters) are parts if a ``train`` folder has
    folders itself; a class may be called ``train``.

    Raises:
        UserError: there are no class folders, there is only one, one is empty, or ``test/`` has one that ``train/``
            has not.
    """
    tree = Tree(root)
    parts = _parts(tree)
    train = parts["train"]
    tree.classes = _folders(train)
    _check_classes(train, tree.classes)
    for folder in {root, *parts.values()}:
        for entry in _entries(folder):
            if entry.name.startswith(_HIDDEN):
                tree.hidden += 1
            elif not entry.is_dir():
                tree.others[_kind(entry.name)] += 1
    for part, folder in parts.items():
        for name in _folders(folder):
            if name not in tree.classes:
                raise UserError(f"{folder / name} is a class that {train} does not have; rename or remove it.")
            found = list(_pictures(tree, folder / name, part, tree.classes.index(name)))
            if part == "train" and not found:
                raise UserError(f"The class folder {folder / name} has no pictures; add some or remove it.")
            tree.files += found
    return tree


def _parts(tree: Tree) -> dict[Part, Path]:
    """Part → its folder; only ``train``, the root itself, if the root is not divided."""
    names = _folders(tree.root)
    found: dict[Part, Path] = {}
    for name in names:
        part = _PART_NAMES.get(name.lower())
        if part is not None and part in found:
            raise UserError(f"{tree.root} has both {found[part].name} and {name}; keep one of them.")
        if part is not None:
            found[part] = tree.root / name
    only_parts = bool(found) and len(found) == len(names)
    if "train" in found and (only_parts or _folders(found["train"])):
        tree.outside = [name for name in names if name.lower() not in _PART_NAMES]
        order: tuple[Part, ...] = ("train", "validation", "test")
        return {part: found[part] for part in order if part in found}
    if only_parts or ("train" not in found and any(_folders(folder) for folder in found.values())):
        have = " and ".join(folder.name for folder in found.values())
        raise UserError(f"{tree.root} has {have} but no train folder; add one, or give a folder of class folders.")
    return {"train": tree.root}


def _check_classes(train: Path, classes: list[str]) -> None:
    if not classes:
        raise UserError(
            f"{train} has no class folders; put the pictures of each class into a folder of its own, "
            f"as {train / 'cat' / '1.jpg'}."
        )
    if len(classes) == 1:
        only = train / classes[0]
        hint = f"did you mean --data {only}?" if _folders(only) else "at least two are needed."
        raise UserError(f"{train} has only one class folder, {only.name}; {hint}")


def _pictures(tree: Tree, folder: Path, part: Part, label: int) -> Iterator[PictureFile]:
    """The pictures in a folder and below it; counts what else is there. Links to folders are not followed."""
    for entry in _entries(folder):
        if entry.name.startswith(_HIDDEN):
            tree.hidden += 1
        elif entry.is_dir(follow_symlinks=False):
            yield from _pictures(tree, Path(entry.path), part, label)
        elif Path(entry.name).suffix.lower() not in SUFFIXES:
            tree.others[_kind(entry.name)] += 1
        else:
            try:
                stat = entry.stat()
            except OSError as error:
                raise UserError(f"The picture {entry.path} cannot be read: {error.strerror}.") from error
            path = Path(entry.path).relative_to(tree.root).as_posix()
            yield PictureFile(path, part, label, stat.st_size, stat.st_mtime_ns)


def _folders(folder: Path) -> list[str]:
    return [entry.name for entry in _entries(folder) if entry.is_dir() and not entry.name.startswith(_HIDDEN)]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder, in natural order."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: natural(entry.name))
    except OSError as error:
        raise UserError(f"The folder {folder} cannot be read: {error.strerror}.") from error


def _kind(name: str) -> str:
    return Path(name).suffix.lower() or "no suffix"
