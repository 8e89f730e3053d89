"""Checkpoint directories of a study, and their quota."""

import itertools
import shutil
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Literal

from metaopt.errors import QuotaTooSmall, ResultsNotWritable, UserError
from metaopt.files.atomic_files import cannot_write
from metaopt.quantities import plural, size_text
from metaopt.storage.checkpoint_store import CheckpointStore, FolderStore
from metaopt.terminal.commands import shown

Keep = Literal["none", "needed", "all"]

QUOTA = 5_000_000_000  # bytes
_KEPT = 2  # states of a trial, each with its best weights
_FILE = 100_000  # bytes of metrics and headers in a file, about


class Checkpoints:
    """One directory a trial, in the study's folder.

    Args:
        folder: the study's.
        keep: ``none``: trials get no directory; ``needed``: of those that are over, only the best keeps its checkpoint,
            so that the best weights so far can be used at every moment and the others do not fill the disk; ``all``: a
            user's own training looks after its files.
        quota: bytes that checkpoints may take.
        store: where they are; None for the study's folder.
    """

    def __init__(
        self, folder: Path, keep: Keep = "none", quota: int = QUOTA, store: CheckpointStore | None = None
    ) -> None:
        self._folder = folder / "checkpoints"
        self._keep = keep
        self._quota = quota
        self._store = store or FolderStore(self._folder)

    def directory(self, trial: int) -> str | None:
        """Return the directory of a trial, which need not exist yet; None where trials have none.

        Raises:
            UserError: It is a link, or in a linked folder.
        """
        if self._keep == "none":
            return None
        directory = self._folder / f"{trial:06d}"
        for path in (self._folder, directory):
            _refuse_link(path)
        return str(directory)

    def set_aside(self, note: Callable[[str], None]) -> None:
        """Rename the checkpoints that an earlier study left behind, so that a new one does not resume from them.

        Args:
            note: called with a message for the user.

        Raises:
            UserError: The folder is a link.
            ResultsNotWritable: The folder cannot be renamed.
        """
        if self._keep == "none" or not self._folder.is_dir():
            return
        _refuse_link(self._folder)
        if not any(self._folder.iterdir()):
            return
        numbers = itertools.count(1)
        aside = self._folder.with_name("checkpoints.old")
        while aside.exists():
            aside = self._folder.with_name(f"checkpoints.old{next(numbers)}")
        try:
            self._folder.rename(aside)
        except OSError as error:
            raise cannot_write(self._folder, error) from error
        note(f"{self._folder} holds checkpoints of another study and was renamed {aside.name}.")

    @property
    def quota(self) -> int | None:
        """Bytes that checkpoints may take; None where they are not limited."""
        return self._quota if self.clears else None

    @property
    def clears(self) -> bool:
        """Whether any checkpoint is ever removed; finding those that are needed takes time where trials are many."""
        return self._keep == "needed"

    def clear(self, needed: Collection[int], useful: Sequence[int], forkable: Collection[int] = ()) -> None:
        """Remove checkpoints that are no longer needed, then those beyond the quota; failures are ignored.

        Args:
            needed: trials whose checkpoints stay in any case.
            useful: trials that may go on, or be inherited from; the first go first where the disk is full.
            forkable: trials that may be forked, whose checkpoints stay together.

        Raises:
            QuotaTooSmall: the quota holds not even one trial, or not all that may be forked.
            UserError: the folder is a link.
        """
        if not self.clears:
            return
        _refuse_link(self._folder)
        sizes: dict[int, int] = {}
        needs: dict[int, int] = {}
        needed = {*needed, *forkable}
        kept = {*needed, *useful}
        for directory, files in self._store.sizes().items():
            trial = int(directory)
            if trial in kept:
                sizes[trial], needs[trial] = sum(files.values()), _need(files)
            else:
                self._store.remove(directory)
        self._refuse_large(needs)
        together = sum(sizes.get(trial, 0) for trial in forkable)
        if together > self._quota:
            raise _quota_too_small(
                self._quota, together, f"Keeping the checkpoints of {plural(len(forkable), 'trial')} that may be forked"
            )
        total = sum(sizes.values())
        for trial in useful:
            if total <= self._quota:
                break
            if trial in sizes and trial not in needed:
                self._store.remove(f"{trial:06d}")
                total -= sizes[trial]

    def _refuse_large(self, needs: dict[int, int]) -> None:
        trial = max(needs, key=needs.__getitem__, default=None)
        if trial is not None and needs[trial] > self._quota:
            raise _quota_too_small(self._quota, needs[trial], f"The checkpoint of trial {trial}")


def checkpoint_bytes(state: int, weights: int) -> int:
    """Return the bytes that a checkpoint takes at most.

    Args:
        state: bytes of the variables in one training state.
        weights: bytes of the weights of its best epoch.
    """
    return _KEPT * (state + weights + 2 * _FILE)


def check_room(folder: Path, quota: int | None, state: int, weights: int, what: str) -> None:
    """Check before a training that its checkpoint fits into the quota and on the disk.

    Args:
        folder: folder of the checkpoints, which need not exist yet.
        quota: bytes that checkpoints may take, or None.
        state: bytes of the variables in one training state.
        weights: bytes of the weights of its best epoch.
        what: subject of the message, e.g. ``"The checkpoint of trial 3"``.

    Raises:
        QuotaTooSmall: the quota holds not even this checkpoint.
        ResultsNotWritable: the disk has no room for its first files.
    """
    most = checkpoint_bytes(state, weights)
    if quota is not None and most > quota:
        raise _quota_too_small(quota, most, what)
    existing = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    free, once = shutil.disk_usage(existing).free, most // _KEPT
    if free < once:
        raise ResultsNotWritable(
            f"{what} takes at least {size_text(once)}, but the disk of {shown(existing)} has {size_text(free)} free."
            " Free disk space, or choose another folder."
        )


def _quota_too_small(quota: int, need: int, what: str) -> QuotaTooSmall:
    least = -(-need // 1_000_000)
    given = f"{quota / 1e6:.10g}MB" if quota >= 1e6 else plural(quota, "byte")
    expected = f"{what} takes up to {least:,} MB; expected at least {least}MB."
    return QuotaTooSmall(f"Invalid value for checkpoint_quota: {given}. {expected}", "checkpoint_quota")


def _refuse_link(path: Path) -> None:
    """Refuse a link, behind which nothing is written or deleted.

    Raises:
        UserError: The path is a link.
    """
    if path.is_symlink():
        raise UserError(
            f"{path} is a link to another folder, where checkpoints would be written and deleted: remove it."
        )


def _need(files: dict[str, int]) -> int:
    """Bytes that the checkpoint of a trial comes to: two states and the best weights of each, be there fewer yet."""
    kinds: dict[str, list[int]] = {"state": [], "best": []}
    others = 0
    for name, size in files.items():
        kind = name.partition("-")[0]
        if kind in kinds:
            kinds[kind].append(size)
        else:
            others += size
    return others + sum(_KEPT * max(sizes) for sizes in kinds.values() if sizes)
