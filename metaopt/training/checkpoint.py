"""The checkpoints of a trial: everything that its training needs to go on bit for bit.

A state is one file, ``state-<epochs>-<digest>.npz``: for each fold every variable of the network and of its optimizer,
and how the training went so far. The weights of the best epoch are a file of their own, ``best-<epoch>-<digest>.npz``,
which is written only when there is a new best, and which states refer to. A file's name holds the digest of its
content, so that the two cannot be torn apart. The newest state and the one before are kept.

Order, augmentation and dropout of an epoch are functions of its number, so no generator's state is needed.

NumPy's own format, for it holds arrays of any type and shape exactly, streams to disk, and needs no framework to read.
"""

import contextlib
import hashlib
import json
import os
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.errors import ResultsNotWritable

Arrays = list[npt.NDArray[Any]]

_SCHEMA = 1
_META = "meta"
_PATTERNS = ("state-*.npz", "best-*.npz", ".*.tmp")


class Unusable(Exception):
    """There is no checkpoint that could be used.

    Attributes:
        reason: ``"gone"``, ``"damaged"``, …
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the checkpoint is {reason}")
        self.reason = reason


@dataclass
class Progress:
    """How a training went so far, epoch by epoch.

    Attributes:
        metrics: with folds their mean.
        seconds: wall seconds.
        replicates: with folds, the metrics of each; else empty.
    """

    metrics: list[dict[str, float]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    replicates: list[tuple[dict[str, float], ...]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.metrics)

    def first(self, epochs: int) -> "Progress":
        """The first so many epochs."""
        return Progress(self.metrics[:epochs], self.seconds[:epochs], self.replicates[:epochs])

    def append(self, metrics: dict[str, float], seconds: float, replicates: tuple[dict[str, float], ...]) -> None:
        """Adds an epoch."""
        self.metrics.append(metrics)
        self.seconds.append(seconds)
        self.replicates.append(replicates)


@dataclass(frozen=True)
class State:
    """A training between two epochs.

    Attributes:
        progress: how it went.
        folds: for each fold, every variable of the network and the optimizer in their order.
        inherited: what was taken from an ancestor, as JSON has it, or None.
    """

    progress: Progress
    folds: list[Arrays]
    inherited: dict[str, Any] | None = None


class Checkpoint:
    """The checkpoints in a trial's directory, written by one process.

    Args:
        directory: made when it is first written to.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._kept: list[tuple[str, str]] = []  # the names of states, newest last, each with that of its best weights
        self._best = ""

    def restore(self) -> tuple[State | None, bool]:
        """The newest state that is as it was written, or None, and whether a newer one is damaged.

        From now on the state is what was written last; a damaged file is removed with the next one that is written.
        """
        states = _states(self._directory)
        for number, path in enumerate(states):
            with contextlib.suppress(Unusable):
                state, best = _read_state(path)
                _check(self._directory / best)
                self._kept, self._best = [(path.name, best)], best
                return state, number > 0
        return None, bool(states)

    def save(self, state: State, best: tuple[int, list[Arrays]] | None) -> None:
        """Writes a state; it is durable when this returns.

        Args:
            state: at least one epoch was trained.
            best: number (from 1) and weights of the best epoch, for each fold, where it is not the one of the state
                that was written last.

        Raises:
            ResultsNotWritable: the disk is full, or the directory cannot be written.
        """
        meta = {"schema": _SCHEMA, "inherited": state.inherited, **asdict(state.progress)}
        try:
            _make(self._directory)
            if best is not None:
                self._best = _write(self._directory, f"best-{best[0]:06d}", _packed(best[1]))
            text = json.dumps({**meta, "best": self._best}).encode()
            arrays = {_META: np.frombuffer(text, np.uint8), **_packed(state.folds)}
            name = _write(self._directory, f"state-{len(state.progress):06d}", arrays)
        except OSError as error:
            raise ResultsNotWritable(
                f"the checkpoint in {self._directory} cannot be written ({error.strerror or error}): make room or make"
                " the folder writable, and start the search again; everything that was finished before is saved."
            ) from error
        self._kept = [*self._kept[-1:], (name, self._best)]
        self._remove_others()

    def discard(self) -> None:
        """Forgets what was restored: the next state that is written begins anew."""
        self._kept, self._best = [], ""

    def _remove_others(self) -> None:
        needed = {name for pair in self._kept for name in pair}
        for pattern in _PATTERNS:
            for path in self._directory.glob(pattern):
                if path.name not in needed:
                    with contextlib.suppress(OSError):
                        path.unlink()


def best_weights(directory: str | Path) -> tuple[int, list[Arrays]]:
    """The best epoch of a trial (from 1), and its weights for each fold, as ``keras.Model.set_weights`` takes them.

    Args:
        directory: of the trial.

    Raises:
        Unusable: there is no checkpoint, or each is damaged.
    """
    states: list[Path] | None = None
    while (found := _states(Path(directory))) != states:  # a training that goes on may have replaced them meanwhile
        states = found
        for path in states:
            with contextlib.suppress(Unusable):
                meta, _ = _unpacked(_read(path))
                best = path.with_name(meta["best"])
                return int(best.name.split("-")[1]), _unpacked(_read(best))[1]
    raise Unusable("damaged" if states else "gone")


def _states(directory: Path) -> list[Path]:
    """The files of states, the newest first."""
    return sorted(directory.glob("state-*.npz"), reverse=True)


def _read_state(path: Path) -> tuple[State, str]:
    """A state, and the name of the file with its best weights."""
    meta, folds = _unpacked(_read(path))
    if meta.get("schema") != _SCHEMA:
        raise Unusable("of another version")
    try:
        replicates = [tuple(each) for each in meta["replicates"]]
        progress = Progress(meta["metrics"], meta["seconds"], replicates)
        return State(progress, folds, meta["inherited"]), meta["best"]
    except KeyError as error:
        raise Unusable("damaged") from error


def _read(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a file.

    Raises:
        Unusable: it is not as it was written.
    """
    _check(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise Unusable("damaged") from error


def _check(path: Path) -> None:
    """Raises Unusable for a file that is not what its name says, or is not there."""
    try:
        with path.open("rb") as file:
            digest = _digest(file)
    except OSError as error:
        raise Unusable("damaged") from error
    if path.stem.rpartition("-")[2] != digest:
        raise Unusable("damaged")


def _digest(file: Any) -> str:
    return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _packed(folds: list[Arrays]) -> dict[str, npt.NDArray[Any]]:
    return {f"{fold}.{number}": array for fold, arrays in enumerate(folds) for number, array in enumerate(arrays)}


def _unpacked(arrays: dict[str, npt.NDArray[Any]]) -> tuple[dict[str, Any], list[Arrays]]:
    """What ``_packed`` was given, and the notes beside it."""
    meta = json.loads(arrays.pop(_META, np.frombuffer(b"{}", np.uint8)).tobytes())
    folds: list[Arrays] = []
    for name, array in arrays.items():
        if int(name.partition(".")[0]) == len(folds):
            folds.append([])
        folds[-1].append(array)
    return meta, folds


def _write(directory: Path, stem: str, arrays: dict[str, npt.NDArray[Any]]) -> str:
    """Writes arrays into a file that is there as a whole or not at all; its name."""
    aside = directory / f".{stem}.tmp"
    try:
        with aside.open("wb+") as file:
            np.savez(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            name = f"{stem}-{_digest(file)}.npz"
        os.replace(aside, directory / name)
    except OSError:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise
    _sync(directory)
    return name


def _make(directory: Path) -> None:
    """Makes a directory, and those above it, durably."""
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    for path in missing:
        _sync(path.parent)


def _sync(directory: Path) -> None:
    """Makes the names in a directory durable."""
    if os.name == "nt":  # a directory cannot be opened there; renames are durable without
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
