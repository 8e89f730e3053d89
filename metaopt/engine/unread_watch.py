"""Watch for hyperparameters that nothing reads, over the first trials of a study."""

from collections.abc import Collection

from metaopt.engine.jobs import PointReads
from metaopt.problems.unread import Unread, describe_unread

ENOUGH = 5  # trials


class UnreadWatch:
    """Keys of the space that no function of the user has read so far.

    Args:
        keys: keys that hold hyperparameters and that the functions called in this process do not read.
        goal: number of trials of the study, or None.
    """

    def __init__(self, keys: Collection[str], goal: int | None) -> None:
        self._unread = set(keys)
        self._read: set[str] = set()
        self._trials: set[int] = set()
        self._needed = ENOUGH if goal is None else min(ENOUGH, goal)

    def add(self, report: PointReads) -> Unread | None:
        """Take in what a trial read; return the keys that none read once enough trials have reported, else None."""
        self._read |= report.read
        self._unread -= report.read
        self._trials.add(report.trial)
        if len(self._trials) < self._needed or not self._unread:
            return None
        found, self._unread = self._unread, set()
        return Unread(tuple(sorted(key for key in found if not any(key.startswith(f"{other}.") for other in found))))

    def describe(self, unread: Unread) -> list[str]:
        """Return sentences on the keys that nothing reads."""
        return describe_unread(unread, self._read, "the functions that build and train")
