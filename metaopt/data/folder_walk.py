"""Walk through the image files of a folder and everything below it, without opening any."""

import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from metaopt.data.bands import ARRAY_SUFFIXES
from metaopt.data.image_file import IMAGE_SUFFIXES
from metaopt.data.signal_file import CSV_SUFFIXES, WAV_SUFFIXES

KINDS: tuple[Collection[str], ...] = (IMAGE_SUFFIXES, ARRAY_SUFFIXES, WAV_SUFFIXES, CSV_SUFFIXES)
"""Suffixes of each kind of data files, the kind that counts first in a folder of several."""

IMAGES, SIGNALS = KINDS[:2], (*KINDS[2:], ARRAY_SUFFIXES)
"""The kinds that a model of images, or of signals, can predict."""

HIDDEN = (".", "__MACOSX")
"""Prefixes of hidden files and folders; the second is created by archives made on a Mac."""


@dataclass
class LeftOut:
    """Files and folders that a walk ignored.

    Attributes:
        hidden: number of hidden files and folders.
        others: suffix → number of other files.
    """

    hidden: int = 0
    others: Counter[str] = field(default_factory=Counter)

    def add(self, entry: os.DirEntry[str]) -> None:
        """Count a hidden entry, or a file that is no image."""
        if entry.name.startswith(HIDDEN):
            self.hidden += 1
        else:
            self.others[Path(entry.name).suffix.lower() or "no suffix"] += 1

    def parts(self) -> list[str]:
        """Return what was ignored, by number and kind; empty if nothing was."""
        parts = []
        if self.others:
            suffixes = ", ".join(f"{suffix} {count:,}" for suffix, count in sorted(self.others.items()))
            number = self.others.total()
            parts.append(f"{number:,} other file{'' if number == 1 else 's'} ({suffixes})")
        if self.hidden:
            parts.append(f"{self.hidden:,} hidden {'file or folder' if self.hidden == 1 else 'files or folders'}")
        return parts


def natural_key(name: str) -> tuple[list[str | int], str]:
    """Return a sort key that orders numbers in names by value: 1, 2, …, 10."""
    pieces = re.split("([0-9]+)", name)  # every second piece is a number
    return [int(piece) if index % 2 else piece.casefold() for index, piece in enumerate(pieces)], name


def list_entries(folder: str | os.PathLike[str]) -> list[os.DirEntry[str]]:
    """Return the entries of a folder in natural order.

    Raises:
        OSError: it cannot be read.
    """
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: natural_key(entry.name))


def is_folder(entry: os.DirEntry[str], follow_links: bool) -> bool:
    """Return whether an entry is a folder; a link that leads in a circle is none."""
    try:
        return entry.is_dir(follow_symlinks=follow_links)
    except OSError:
        return False


def walk_images(
    folder: str | os.PathLike[str],
    left_out: LeftOut,
    unreadable: Callable[[str, OSError], None],
    suffixes: Collection[str] = IMAGE_SUFFIXES,
) -> Iterator[os.DirEntry[str]]:
    """Yield the entries with the suffix of an image, depth first and in natural order; no link to a folder is followed.

    Args:
        folder: where to begin.
        left_out: counts the other files.
        unreadable: called with each folder that cannot be read; the walk continues if it returns.
        suffixes: the suffixes, in lower case.
    """
    stack = [iter(_list(folder, unreadable))]
    while stack:  # not a recursion, as folders may be nested deeper than Python's stack
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
        elif entry.name.startswith(HIDDEN):
            left_out.add(entry)
        elif is_folder(entry, follow_links=False):
            stack.append(iter(_list(entry.path, unreadable)))
        elif Path(entry.name).suffix.lower() in suffixes:
            yield entry
        else:
            left_out.add(entry)


def choose_suffixes(
    folders: Iterable[str | os.PathLike[str]], kinds: Sequence[Collection[str]] = KINDS
) -> Collection[str]:
    """Return the suffixes of the files that are data in some folders, and below them.

    Files of another kind that lie beside images are no data. The first kind that occurs counts: images, arrays, WAV
    files, CSV files.
    """
    rank = len(kinds)
    everything = set().union(*kinds)
    for folder in folders:
        for entry in walk_images(folder, LeftOut(), lambda *_: None, everything):
            suffix = Path(entry.name).suffix.lower()
            rank = min(rank, next(number for number, kind in enumerate(kinds) if suffix in kind))
            if rank == 0:
                return kinds[0]
    return (*kinds, kinds[0])[rank]


def _list(folder: str | os.PathLike[str], unreadable: Callable[[str, OSError], None]) -> list[os.DirEntry[str]]:
    try:
        return list_entries(folder)
    except OSError as error:
        unreadable(os.fspath(folder), error)
        return []
