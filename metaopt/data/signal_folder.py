"""Loading of a folder of files with signals, by class or named by ``labels.csv``."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from metaopt.data.fingerprint import Digests, describe_outputs, digest_images, fingerprint
from metaopt.data.folder_scan import ImageFile, ImageFolder, Split
from metaopt.data.images import ArrayImages, LabelArray, subset
from metaopt.data.signal_arrays import SIGNAL, SignalArray, check_length, fit_length
from metaopt.data.signal_file import CSV_SUFFIXES, WAV_SUFFIXES, SignalFile, SignalFileError, read_signal
from metaopt.data.unsplit import UnsplitData
from metaopt.errors import Note, UserError
from metaopt.outputs import Output
from metaopt.quantities import ImageSize

SIGNAL_SUFFIXES = WAV_SUFFIXES | CSV_SUFFIXES
_NAMED = 10  # files that a note names at most


@dataclass(frozen=True)
class SignalFiles:
    """Signals of a folder.

    Attributes:
        signals: ``(n, length, channels)``.
        digests: digests of the bytes of the files, ``(n,)``.
        rate: samples per second of all files, or None.
        skipped: path → reason of the files that were left out.
        notes: messages for the user.
    """

    signals: SignalArray
    digests: Digests
    rate: int | None
    skipped: dict[str, str]
    notes: list[str]


def holds_signals(files: Sequence[ImageFile]) -> bool:
    """Return whether the files of a folder are signals, by the suffix of the first."""
    return bool(files) and Path(files[0].path).suffix.lower() in SIGNAL_SUFFIXES


def read_signal_files(root: Path, files: Sequence[ImageFile], size: ImageSize | None, skip_broken: bool) -> SignalFiles:
    """Read the signals of a folder and bring them to one length.

    Args:
        root: the folder.
        files: its files.
        size: length in positions; None for the length of all, or the median of different lengths.
        skip_broken: leave out files that cannot be read.

    Raises:
        UserError: Files cannot be read, all or without ``skip_broken``; or channels or sample rates differ.
    """
    length = check_length(size)
    found, broken = _read_all(root, files)
    if broken and (not skip_broken or not found):
        (first, reason), *others = broken.items()
        more = f" (and {len(others):,} more: {', '.join(path for path, _ in others[:2])})" if others else ""
        raise UserError(
            f"Cannot read file {root / first}: {reason}{more}. Replace or remove {'them' if others else 'it'}, or leave"
            " out unreadable files with skip_broken.",
            "skip_broken",
        )
    _check_equal(root, {path: each.signal.shape[1] for path, each in found.items()}, "numbers of channels", "")
    _check_equal(root, {path: each.rate for path, each in found.items()}, "sample rates", " Hz")
    lengths = np.array([len(each.signal) for each in found.values()])
    notes = [] if not broken else [_note_broken(broken)]
    if length is None:
        length = int(np.median(lengths))
    if (lengths != length).any():
        own = f"{lengths.min():,}" if lengths.min() == lengths.max() else f"{lengths.min():,} to {lengths.max():,}"
        hint = " (set image_size to change this)" if size is None else ""
        text = f"The signals, of {own} positions, are cut to their centre or padded with zeros to {length:,}{hint}."
        notes.append(Note(text, "image_size"))
    signals = np.stack([fit_length(each.signal, length) for each in found.values()])
    digests = np.array([each.file_digest for each in found.values()], np.uint64)
    return SignalFiles(signals, digests, next(iter(found.values())).rate, broken, notes)


def _read_all(root: Path, files: Sequence[ImageFile]) -> tuple[dict[str, SignalFile], dict[str, str]]:
    """Return path → signal of the readable files, and path → reason of others."""

    def attempt(file: ImageFile) -> SignalFile | SignalFileError:
        try:
            return read_signal(root / file.path)
        except SignalFileError as error:
            return error

    found: dict[str, SignalFile] = {}
    broken: dict[str, str] = {}
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for file, result in zip(files, pool.map(attempt, files), strict=True):
            if isinstance(result, SignalFileError):
                broken[file.path] = str(result)
            else:
                found[file.path] = result
    return found, broken


def _check_equal(root: Path, values: Mapping[str, int | None], what: str, unit: str) -> None:
    first = next(iter(values))
    for path, value in values.items():
        if value != values[first]:
            raise UserError(
                f"The signals have different {what}: {root / first} has {values[first]}{unit}, {root / path} has"
                f" {value}{unit}. Convert them, so that all have the same."
            )


def _note_broken(broken: Mapping[str, str]) -> str:
    named = ", ".join(f"{path} ({reason})" for path, reason in list(broken.items())[:_NAMED])
    rest = f" and {len(broken) - _NAMED:,} more" if len(broken) > _NAMED else ""
    return f"Left out {len(broken):,} file{'' if len(broken) == 1 else 's'} that cannot be read: {named}{rest}."


def from_signal_files(
    folder: ImageFolder,
    read: SignalFiles,
    labels: dict[str, LabelArray],
    outputs: dict[str, Output],
    rows: Mapping[Split, npt.NDArray[np.int64]],
    notes: list[str],
) -> UnsplitData:
    """Build the data set of a folder.

    Args:
        folder: the folder, with the files that were read.
        read: their signals.
        labels: head → targets of the files.
        outputs: head → output.
        rows: ``train``, ``validation``, ``test``, in this order → rows of the files of each split.
        notes: messages for the user.
    """
    shape = (read.signals.shape[1], read.signals.shape[2])
    images = ArrayImages(read.signals, labels)
    # Training and validation files come first, so that indices of validation files also hold within them.
    training = np.union1d(rows["train"], rows["validation"])
    heading = {
        **({"classes": folder.classes} if folder.classes else describe_outputs(outputs)),
        "input": SIGNAL,
        "shape": list(shape),
        "parts": [len(each) for each in rows.values()],
    }
    contents = digest_images(read.signals)
    hertz = "" if read.rate is None else f", {read.rate:,} samples per second"
    what = f"{len(read.signals):,} signals of {shape[0]:,} positions and {shape[1]} channel{'s'[: shape[1] > 1]}{hertz}"
    return UnsplitData(
        name=folder.root.name,
        images=subset(images, training),
        digests=contents[training],
        test=subset(images, rows["test"]) if len(rows["test"]) else None,
        test_digests=contents[rows["test"]],
        outputs=outputs,
        shape=shape,
        default_augmentation="none",
        fingerprint=fingerprint(heading, [labels], [read.digests]),
        validation=rows["validation"] if len(rows["validation"]) else None,
        sample_rate=read.rate,
        notes=[f"Read from {folder.root.name}: {what}.", *notes],
    )
