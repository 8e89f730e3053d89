"""Checkpoints of a trial, from which its training resumes bit-identically.

A training state is one file, ``state-<epochs>-<digest>.npz``; between two epochs of all folds
``state-<epochs>-p<passes>-<digest>.npz``, with the number of passes of single folds since. It holds every variable of
the network and its optimizer for each fold, the metrics of all epochs, and the identity of what was trained: study,
trial, point, data, backend and precision. The weights of the best epoch are a separate file,
``best-<epoch>-<digest>.npz``, which is written only when there is a new best epoch; states refer to it by name. The
name of a file contains the digest of its content, so that a state cannot refer to other weights than its own. The two
newest states are kept, and those at which other trials are forked.

Order, augmentation and dropout of an epoch are functions of its number, so no state of a random generator is stored.

The format is that of NumPy: it stores arrays of any type and shape exactly, streams to disk, and needs no framework to
read.
"""

import contextlib
import errno
import hashlib
import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

from metaopt.files.atomic_files import cannot_write
from metaopt.storage.files import Files
from metaopt.terminal.commands import shown
from metaopt.training.fold_progress import FoldEpoch
from metaopt.training.state_identity import Identity, find_difference

Arrays = list[npt.NDArray[Any]]

_SCHEMA = 1
_META = "meta"
_PATTERNS = ("state-*.npz", "best-*.npz", ".*.tmp")


class UnusableCheckpoint(Exception):
    """A checkpoint that is missing, damaged, or of another network.

    Attributes:
        reason: the reason after "is" or "are", e.g. ``"gone"`` or ``"damaged"``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"The checkpoint is {reason}.")
        self.reason = reason


class ForeignCheckpoint(UnusableCheckpoint):
    """A checkpoint of another trial, study, data set, precision or backend.

    Attributes:
        owner: what it is of, e.g. ``"another study"``.
    """

    def __init__(self, owner: str) -> None:
        super().__init__(f"of {owner}")
        self.owner = owner


@dataclass
class EpochHistory:
    """Metrics and durations of the epochs trained so far; the names of the attributes are keys of the stored state.

    Attributes:
        metrics: metrics of each epoch; with several folds, their mean.
        seconds: wall-clock seconds of each epoch, without compilation.
        replicates: metrics of each fold for each epoch; empty tuples with a single fold.
    """

    metrics: list[dict[str, float]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    replicates: list[tuple[dict[str, float], ...]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.metrics)

    def first(self, epochs: int) -> "EpochHistory":
        """Return the history of the first ``epochs`` epochs."""
        return EpochHistory(self.metrics[:epochs], self.seconds[:epochs], self.replicates[:epochs])

    def append(self, metrics: dict[str, float], seconds: float, replicates: tuple[dict[str, float], ...]) -> None:
        """Append an epoch."""
        self.metrics.append(metrics)
        self.seconds.append(seconds)
        self.replicates.append(replicates)


@dataclass(frozen=True)
class TrainingState:
    """State of a training between two epochs.

    Attributes:
        progress: metrics of the epochs so far.
        folds: for each fold, every variable of the network and the optimizer, in a fixed order.
        inherited: JSON description of the weights transferred from a parent trial, or None.
        ahead: for each fold, its epochs beyond those of all folds, where one fold is trained after the other.
    """

    progress: EpochHistory
    folds: list[Arrays]
    inherited: dict[str, Any] | None = None
    ahead: Sequence[Sequence[FoldEpoch]] = ()


class Checkpoint:
    """Checkpoints in the directory of a trial, written by one process.

    Args:
        directory: directory of the trial, created at the first write.
        files: file operations; None for those of the real file system.

    Attributes:
        directory: directory of the trial.
        identity: facts that its states name, and have to name to be restored; see ``state_identity``.
        kept_epochs: epochs whose states stay beside the two newest ones.
        foreign: what the newest state is of that was refused, e.g. ``"another study"``, or None.
    """

    def __init__(self, directory: Path, files: Files | None = None) -> None:
        self.directory = directory
        self._files = files or Files()
        self.identity: Identity = {}
        self.kept_epochs: frozenset[int] = frozenset()
        self.foreign: str | None = None
        self._kept: list[tuple[str, str]] = []  # (state file, file of its best weights), newest last
        self._best = ""

    def restore(self, epochs: int | None = None) -> tuple[TrainingState | None, bool]:
        """Return the newest undamaged state or None, and whether a newer one is damaged.

        States of another trial, study, data set, precision or backend are passed over, see ``foreign``. Later writes
        continue from this state; the next write removes all other files except those of ``kept_epochs``.

        Args:
            epochs: of the state; None for any.
        """
        is_damaged = False
        for path in _states(self.directory):
            if epochs is not None and (_epochs_of(path) != epochs or _is_between_epochs(path)):
                continue
            try:
                state, best = _read_state(path, self.identity)
                _check(self.directory / best)
            except ForeignCheckpoint as error:
                self.foreign = self.foreign or error.owner
            except UnusableCheckpoint:
                is_damaged = True
            else:
                self._kept, self._best = [(path.name, best)], best
                return state, is_damaged
        return None, is_damaged

    def save(self, state: TrainingState, best: tuple[int, list[Arrays]] | None) -> None:
        """Write a state; it is durable when the method returns.

        Args:
            state: state after at least one epoch.
            best: number (from 1) of the best epoch and its weights for each fold; None if the best epoch has not
                changed since the last write.

        Raises:
            ResultsNotWritable: the disk is full, or the directory is not writable.
        """
        meta = {"schema": _SCHEMA, "inherited": state.inherited, **asdict(state.progress)}
        if self.identity:
            meta["identity"] = dict(self.identity)
        n_ahead = sum(map(len, state.ahead))
        if n_ahead:
            meta["ahead"] = state.ahead
        try:
            _refuse_link(self.directory)
            self._files.make_folder(self.directory)
            if best is not None:
                self._best = self._write(f"best-{best[0]:06d}", _pack(best[1]))
            text = json.dumps({**meta, "best": self._best}).encode()
            arrays = {_META: np.frombuffer(text, np.uint8), **_pack(state.folds)}
            # "p" sorts after each hexadecimal digit of a digest, as such a state is newer than that of its epochs.
            passes = f"-p{n_ahead:06d}" if n_ahead else ""
            name = self._write(f"state-{len(state.progress):06d}{passes}", arrays)
        except OSError as error:
            what = f"A checkpoint in {shown(self.directory)}"
            raise cannot_write(what, error, "All earlier results are saved; start the search again then.") from error
        self._kept = [*self._kept[-1:], (name, self._best)]
        self._remove_others()

    def best_weights(self) -> tuple[int, list[Arrays]]:
        """Return the best epoch (from 1) of the restored state, and its weights for each fold.

        Raises:
            UnusableCheckpoint: nothing was restored, or the weights are damaged.
        """
        if not self._best:
            raise UnusableCheckpoint("gone")
        return _read_best(self.directory / self._best)

    def discard(self) -> None:
        """Ignore the restored state, so that the next write starts a new sequence of states."""
        self._kept, self._best = [], ""

    def _write(self, stem: str, arrays: dict[str, npt.NDArray[Any]]) -> str:
        """Write arrays atomically and durably, and return the name of the file."""
        path = self._files.write_aside(
            self.directory / stem,
            lambda file: np.savez(file, allow_pickle=False, **arrays),
            lambda file: self.directory / f"{stem}-{_digest(file)}.npz",
        )
        return path.name

    def _pinned(self) -> list[tuple[str, str]]:
        """Return the states of ``kept_epochs``, each with the file of its best weights."""
        found = []
        for path in _states(self.directory) if self.kept_epochs else ():
            if _epochs_of(path) in self.kept_epochs:
                with contextlib.suppress(UnusableCheckpoint):
                    found.append((path.name, str(_read_meta(path)["best"])))
        return found

    def _remove_others(self) -> None:
        needed = {name for pair in (*self._kept, *self._pinned()) for name in pair}
        for pattern in _PATTERNS:
            for path in self.directory.glob(pattern):
                if path.name not in needed:
                    with contextlib.suppress(OSError):
                        path.unlink()


def _refuse_link(directory: Path) -> None:
    """Refuse to write to, and so to delete from, a directory elsewhere.

    Raises:
        OSError: the directory is a link.
    """
    if directory.is_symlink():
        raise OSError(errno.ELOOP, "it is a link to another folder; remove the link")


def best_weights(directory: str | Path, identity: Identity | None = None) -> tuple[int, list[Arrays]]:
    """Return the best epoch of a trial (from 1) and its weights for each fold, for ``keras.Model.set_weights``.

    Args:
        directory: checkpoint directory of the trial.
        identity: facts that the checkpoint has to name; see ``state_identity``.

    Raises:
        UnusableCheckpoint: there is no checkpoint, or all are damaged or of another trial.
    """
    foreign: UnusableCheckpoint | None = None
    states: list[Path] | None = None
    while (found := _states(Path(directory))) != states:  # a running training may have replaced them meanwhile
        states = found
        for path in states:
            try:
                _, name = _read_state(path, identity or {})
                return _read_best(path.with_name(name))
            except ForeignCheckpoint as error:
                foreign = foreign or error
            except UnusableCheckpoint:
                continue
    if foreign is not None:
        raise foreign
    raise UnusableCheckpoint("damaged" if states else "gone")


def _states(directory: Path) -> list[Path]:
    """Return the state files, newest first."""
    return sorted(directory.glob("state-*.npz"), reverse=True)


def _read_state(path: Path, identity: Identity) -> tuple[TrainingState, str]:
    """Return a state and the name of the file with its best weights.

    Raises:
        ForeignCheckpoint: the state names other facts than those expected.
        UnusableCheckpoint: the state is missing, damaged or of another version.
    """
    meta, folds = _unpack(_read(path))
    if meta.get("schema") != _SCHEMA:
        raise UnusableCheckpoint("of another version")
    owner = find_difference(meta.get("identity"), identity)
    if owner is not None:
        raise ForeignCheckpoint(owner)
    try:
        replicates = [tuple(each) for each in meta["replicates"]]
        progress = EpochHistory(meta["metrics"], meta["seconds"], replicates)
        ahead = [[FoldEpoch(*epoch) for epoch in each] for each in meta.get("ahead", ())]
        return TrainingState(progress, folds, meta["inherited"], ahead), meta["best"]
    except KeyError as error:
        raise UnusableCheckpoint("damaged") from error


def _epochs_of(path: Path) -> int:
    """Return the number in the name of a file: the epochs of a state, or the best epoch."""
    return int(path.name.split("-")[1])


def _is_between_epochs(path: Path) -> bool:
    """Return whether single folds of a state are ahead of the others."""
    return path.name.split("-")[2].startswith("p")


def _read_best(path: Path) -> tuple[int, list[Arrays]]:
    """Return the epoch of a file of best weights, and the weights of each fold.

    Raises:
        UnusableCheckpoint: the file is missing or damaged.
    """
    return _epochs_of(path), _unpack(_read(path))[1]


def _read_meta(path: Path) -> dict[str, Any]:
    """Return what a state tells beside its arrays, which are not read.

    Raises:
        UnusableCheckpoint: the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {"best": "", **json.loads(archive[_META].tobytes())}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UnusableCheckpoint("damaged") from error


def _read(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of a file by name.

    Raises:
        UnusableCheckpoint: the file is missing or damaged.
    """
    _check(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UnusableCheckpoint("damaged") from error


def _check(path: Path) -> None:
    """Check that the content of a file matches the digest in its name.

    Raises:
        UnusableCheckpoint: it does not match, or the file is missing.
    """
    try:
        with path.open("rb") as file:
            digest = _digest(file)
    except OSError as error:
        raise UnusableCheckpoint("damaged") from error
    if path.stem.rpartition("-")[2] != digest:
        raise UnusableCheckpoint("damaged")


def _digest(file: Any) -> str:
    return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _pack(folds: list[Arrays]) -> dict[str, npt.NDArray[Any]]:
    return {
        # NumPy's format does not store the types of ml_dtypes, such as bfloat16: the name of the array does.
        f"{fold}.{number}.{array.dtype.name}" if array.dtype.kind == "V" else f"{fold}.{number}": array
        for fold, arrays in enumerate(folds)
        for number, array in enumerate(arrays)
    }


def _unpack(arrays: dict[str, npt.NDArray[Any]]) -> tuple[dict[str, Any], list[Arrays]]:
    """Return the metadata and the arrays of each fold."""
    meta = json.loads(arrays.pop(_META, np.frombuffer(b"{}", np.uint8)).tobytes())
    folds: list[Arrays] = []
    for name, array in arrays.items():
        if int(name.partition(".")[0]) == len(folds):
            folds.append([])
        type_name = name.partition(".")[2].partition(".")[2]
        folds[-1].append(array.view(getattr(ml_dtypes, type_name)) if type_name else array)
    return meta, folds
