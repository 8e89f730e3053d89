"""The studies that are served: those that were named, and those in folders that were named."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from metaopt.errors import UserError
from metaopt.report.analysis.study_status import find_studies
from metaopt.server.feed import StudyFeed
from metaopt.storage.study import JOURNAL, Study
from metaopt.terminal.commands import shown
from metaopt.terminal.printable import file_name

SCAN_S = 3.0
"""Least seconds between two looks for new studies in a folder."""


class Catalogue:
    """Studies by their names in addresses, of which each is served as long as the server runs.

    Args:
        places: folders of studies, and folders that hold studies, in which new ones may appear.

    Raises:
        UserError: A place holds no study, or the only one cannot be read.
    """

    def __init__(self, places: Sequence[Path]):
        self._lock = threading.Lock()
        self._folders = [place for place in places if not _is_study(place)]
        self._feeds: dict[str, StudyFeed] = {}
        self._known: set[Path] = set()
        self._scanned = time.monotonic()
        for place in places:
            if not place.is_dir():
                raise UserError(f"There is no folder {shown(place)}.")
            if _is_study(place):
                self._add(place)
            elif not self._scan(place):
                raise UserError(f"There is no study in {shown(place)} or in the folders below it.")
        if self.is_single:
            Study.load(places[0])

    @property
    def is_single(self) -> bool:
        """Whether one study is served, rather than all in a folder."""
        return not self._folders and len(self._feeds) == 1

    def feeds(self) -> list[StudyFeed]:
        """Return the feed of every study, those that appeared meanwhile last."""
        with self._lock:
            if time.monotonic() - self._scanned >= SCAN_S:
                self._scanned = time.monotonic()
                for folder in self._folders:
                    self._scan(folder)
            return list(self._feeds.values())

    def find(self, slug: str) -> StudyFeed | None:
        """Return the feed of a study by its name in addresses, or None."""
        with self._lock:
            return self._feeds.get(slug)

    def _scan(self, folder: Path) -> bool:
        """Add the studies in a folder, and return whether there is any."""
        found = [path for path in find_studies(folder) if not (path / JOURNAL).is_symlink()]
        for path in found:
            self._add(path)
        return bool(found)

    def _add(self, folder: Path) -> None:
        resolved = folder.resolve()
        if resolved in self._known:
            return
        self._known.add(resolved)
        name = file_name(resolved.name) or "study"
        slug, number = name, 1
        while slug in self._feeds:
            number += 1
            slug = f"{name}-{number}"
        self._feeds[slug] = StudyFeed(folder, slug)


def _is_study(folder: Path) -> bool:
    return (folder / JOURNAL).exists() or (folder / JOURNAL).is_symlink()
