"""Images and signals of a user, found in files and folders and read as a model takes them."""

import os
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from metaopt.data.bands import ARRAY_SUFFIXES
from metaopt.data.folder_walk import IMAGES, SIGNALS, LeftOut, choose_suffixes, natural_key, walk_images
from metaopt.data.image_file import read_image
from metaopt.data.images import InputArray
from metaopt.data.pixel_range import choose_bits
from metaopt.data.signal_arrays import fit_length
from metaopt.data.signal_file import SignalFileError, read_signal, read_volume
from metaopt.terminal.printable import printable
from metaopt.terminal.wrapping import print_wrapped
from metaopt.training.model_file import ModelMetadata


@dataclass(frozen=True)
class Unread:
    """An image file that cannot be classified, and why."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"File {self.path} cannot be read: {self.reason}."


def find_images(
    given: Sequence[Path], kinds: Sequence[Collection[str]] = IMAGES
) -> tuple[list[Path], list[Unread], list[str]]:
    """Return the given image files, in natural order within each folder, the unreadable ones, and notes for the user.

    The notes say which files in the folders are left out, by number and kind.

    Args:
        given: files and folders.
        kinds: suffixes of each kind of files in folders, the kind that counts first in a folder of several.
    """
    paths: list[Path] = []
    unread: list[Unread] = []
    notes: list[str] = []
    for one in given:
        if one.is_dir():
            left_out = LeftOut()

            def add(folder: str, error: OSError) -> None:
                unread.append(Unread(Path(folder), (error.strerror or str(error)).lower()))

            before = len(unread)
            suffixes = choose_suffixes([one], kinds)
            inside = sorted((entry.path for entry in walk_images(one, left_out, add, suffixes)), key=natural_key)
            paths += map(Path, inside)
            if left_out.parts():
                notes.append(f"Left out of {one}: {' and '.join(left_out.parts())}.")
            if not inside and len(unread) == before:
                what = "image" if kinds is IMAGES else "signal"
                unread.append(Unread(one, f"the folder has no {what} files"))
        elif os.path.lexists(one):
            paths.append(one)
        else:
            unread.append(Unread(one, "the file does not exist"))
    return paths, unread, notes


def kinds_of(metadata: ModelMetadata) -> Sequence[Collection[str]]:
    """Return the suffixes of the files that a model can predict."""
    if metadata.standardization is None:
        return IMAGES
    return SIGNALS if len(metadata.input_shape) == 2 else (ARRAY_SUFFIXES,)


def read_input(path: Path, metadata: ModelMetadata) -> InputArray:
    """Read an image, a signal or a volume as a model takes it; what differs from the training data is noted on stderr.

    Raises:
        ImageFileError: It cannot be read, or has another number of channels.
    """
    if metadata.standardization is None:
        height, width, channels = metadata.input_shape
        decoded = read_image(path, (height, width), channels, metadata.pixel_bits)
        note_range(path, decoded.brightest, metadata.pixel_bits)
        return decoded.image
    if len(metadata.input_shape) == 4:
        return read_volume(path, metadata.input_shape)
    length, channels = metadata.input_shape
    read = read_signal(path)
    own_length, own_channels = read.signal.shape
    if own_channels != channels:
        raise SignalFileError(f"it has {own_channels} channel{'s'[: own_channels > 1]}. Expected {channels}")
    if read.rate != metadata.sample_rate and None not in (read.rate, metadata.sample_rate):
        note = f"{path} has {read.rate:,} samples per second, the training signals {metadata.sample_rate:,}."
        print_wrapped(f"note: {printable(note)}", file=sys.stderr)
    if own_length != length:
        note = f"{path} has {own_length:,} positions: it is {'cut' if own_length > length else 'padded'} to {length:,}."
        print_wrapped(f"note: {printable(note)}", file=sys.stderr)
    return fit_length(read.signal, length)


def note_range(path: Path, brightest: int | None, bits: int) -> None:
    """Note on stderr if the 16-bit pixels of an image use another range than those of the training images.

    Args:
        path: the image file.
        brightest: its greatest pixel; None if it has fewer bits.
        bits: bits of the training images.
    """
    if brightest is None or choose_bits(brightest) == bits:
        return
    if brightest >= 2**bits:
        effect = "the brighter ones become white"
    elif brightest < 2 ** (bits - 2):
        effect = "it is nearly black to the model"
    else:
        return
    white = f"the model reads 0..{2**bits - 1:,}, as its training images had them"
    print_wrapped(
        f"note: The 16-bit pixels of {printable(path)} reach {brightest:,}, and {white}: {effect}.", file=sys.stderr
    )
