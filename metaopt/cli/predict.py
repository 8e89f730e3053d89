"""``metaopt predict``: predict images or signals with a model that ``metaopt retrain`` wrote; it needs no study."""

import functools
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from metaopt.cli.arguments import SKIP_BROKEN, Parser
from metaopt.cli.errors import guarded
from metaopt.cli.json_output import print_json
from metaopt.cli.predicted_heads import Prediction, describe_outputs
from metaopt.data.bands import ARRAY_SUFFIXES
from metaopt.data.folder_walk import IMAGES, SIGNALS, LeftOut, choose_suffixes, natural_key, walk_images
from metaopt.data.image_file import ImageFileError, read_image
from metaopt.data.images import InputArray
from metaopt.data.pixel_range import choose_bits
from metaopt.data.signal_arrays import fit_length
from metaopt.data.signal_file import SignalFileError, read_signal, read_volume
from metaopt.errors import UserError
from metaopt.files.atomic_files import cannot_write
from metaopt.outputs import ClassOutput
from metaopt.outputs.class_metrics import Probabilities
from metaopt.outputs.class_output import NO_CLASS
from metaopt.terminal.output import is_lost
from metaopt.terminal.printable import printable
from metaopt.terminal.suppressed_stderr import suppressed_stderr
from metaopt.training import backend
from metaopt.training.model_file import ModelMetadata, read_metadata

TOP = 3
NO_ANSWER = "no answer"
"""Text for an image of which a model with thresholds predicts no class."""
CHUNK = 256
"""Number of images that are decoded, and then classified together."""

Named = dict[str, list[tuple[str, float]]]
"""Head → its most probable classes with their probabilities, the most probable first."""


def main(argv: Sequence[str] | None = None, *, prog: str = "metaopt predict") -> int:
    """Run the command and return its exit code."""
    return guarded(lambda: run(make_parser(prog).parse_args(argv)))


def make_parser(prog: str) -> Parser:
    """Return the parser of the command."""
    parser = Parser(prog=prog, description="Predicts images or signals with a model that `metaopt retrain` wrote.")
    parser.add_argument("model", type=Path, metavar="MODEL", help="the .keras file")
    parser.add_argument(
        "images", type=Path, nargs="+", metavar="IMAGES", help="files of images or signals, or folders of them"
    )
    output = "folder of predicted images, for a model that returns images (default: predicted)"
    parser.add_argument("--output", type=Path, default=Path("predicted"), metavar="DIR", help=output)
    parser.add_argument("--skip-broken", action="store_true", help=SKIP_BROKEN)
    parser.add_argument("--json", action="store_true", help="print one JSON object per image and line")
    return parser


@dataclass(frozen=True)
class Unread:
    """An image file that cannot be classified, and why."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"Image {self.path} cannot be read: {self.reason}."


def run(arguments: Namespace) -> None:
    """Print a line for each image; unreadable ones are reported on stderr.

    Raises:
        UserError: The model cannot be loaded, or images could not be read.
    """
    metadata = read_metadata(arguments.model)
    paths, unread, notes = find_images(arguments.images, _kinds_of(metadata))
    for note in notes:
        print(f"note: {printable(note)}", file=sys.stderr)
    longest = max((len(printable(path)) for path in paths), default=0)
    n_classified = 0
    for start in range(0, len(paths), CHUNK):
        images: list[tuple[Path, InputArray]] = []
        for path in paths[start : start + CHUNK]:
            try:
                images.append((path, read_input(path, metadata)))
            except ImageFileError as error:
                unread.append(Unread(path, str(error)))
        if images:
            probabilities = _predictor(arguments.model)(np.stack([image for _, image in images]))
            n_classified += len(images)
            for row, (path, _) in enumerate(images):
                named = most_probable(metadata, probabilities, row)
                abstained = find_abstained(metadata, probabilities, row)
                try:
                    others = describe_outputs(metadata.outputs, probabilities, row, path, arguments.output)
                except OSError as error:
                    raise cannot_write(arguments.output, error) from error
                if arguments.json:
                    print_json(describe(path, named, others, abstained))
                else:
                    print(as_line(path, named, longest, others, abstained), flush=True)
        if is_lost(sys.stdout):  # as `head` does after enough lines
            return
    _report(unread, skips=arguments.skip_broken and n_classified > 0)


def _kinds_of(metadata: ModelMetadata) -> Sequence[Collection[str]]:
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
        print(f"note: {printable(note)}", file=sys.stderr)
    if own_length != length:
        note = f"{path} has {own_length:,} positions: it is {'cut' if own_length > length else 'padded'} to {length:,}."
        print(f"note: {printable(note)}", file=sys.stderr)
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
    print(f"note: The 16-bit pixels of {printable(path)} reach {brightest:,}, and {white}: {effect}.", file=sys.stderr)


def _report(unread: list[Unread], skips: bool) -> None:
    """Report the images that could not be classified on stderr.

    Args:
        unread: those images.
        skips: leave them out with notes; otherwise the last one is the command's error.

    Raises:
        UserError: There are any, and they are not skipped.
    """
    if not unread:
        return
    kind, rest = ("note", unread) if skips else ("error", unread[:-1])
    for one in rest:
        print(f"{kind}: {printable(one)}", file=sys.stderr)
    if not skips:
        raise UserError(str(unread[-1]))
    number = len(unread)
    print(f"note: Left out {number:,} image{'' if number == 1 else 's'} that cannot be read.", file=sys.stderr)


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


@functools.cache
def _predictor(path: Path) -> Callable[[InputArray], dict[str, Probabilities]]:
    """Return the function from images to head → ``(n, classes)``; it loads Keras and the model."""
    with suppressed_stderr():
        backend.prepare()
    from metaopt.training.export import load_model, predict

    model, metadata = load_model(path)
    return lambda images: predict(model, metadata, images)


def most_probable(metadata: ModelMetadata, probabilities: dict[str, Probabilities], row: int) -> Named:
    """Return the most probable classes of each head for one image."""
    named: Named = {}
    for head, names in metadata.classes.items():
        values = probabilities[head][row]
        order = np.argsort(-values, kind="stable")[:TOP]
        named[head] = [(names[index], float(values[index])) for index in order]
    return named


def find_abstained(metadata: ModelMetadata, probabilities: Mapping[str, Probabilities], row: int) -> set[str]:
    """Return the heads that predict no class for one image, as its probability is not above their thresholds."""
    return {
        head
        for head, output in metadata.outputs.items()
        if isinstance(output, ClassOutput) and output.answer(probabilities[head][row : row + 1])[0] == NO_CLASS
    }


def as_line(
    path: Path,
    named: Named,
    width: int,
    others: Mapping[str, Prediction] | None = None,
    abstained: Collection[str] = (),
) -> str:
    """Return the line of one image: its class and the next probable ones, and what other heads predict."""
    heads = []
    others = others or {}
    for head, ranked in named.items():
        if head in abstained:
            text, less = NO_ANSWER, ranked
        else:
            (name, probability), *less = ranked
            text = f"{printable(name)} {probability:.3f}"
        if less:
            text += f"  ({', '.join(f'{printable(other)} {value:.3f}' for other, value in less)})"
        heads.append(text if len(named) + len(others) == 1 else f"{printable(head)}: {text}")
    for head, prediction in others.items():
        text = prediction.as_text()
        heads.append(text if len(named) + len(others) == 1 else f"{printable(head)}: {text}")
    return f"{printable(path):<{width}}  {'  '.join(heads)}"


def describe(
    path: Path, named: Named, others: Mapping[str, Prediction] | None = None, abstained: Collection[str] = ()
) -> dict[str, Any]:
    """Describe one image for JSON: class and probability of the first head, and what every head predicts.

    Returns:
        ``path``; with classes, ``class``, ``probability`` and ``top`` (head → its most probable classes); ``outputs``,
        head → prediction of the heads without classes, if there are any; and ``abstained``, the heads with classes
        that predict none, if there are any. ``class`` is None if the first head abstains.
    """
    more: dict[str, Any] = {"outputs": {head: each.to_json() for head, each in others.items()}} if others else {}
    more |= {"abstained": sorted(abstained)} if abstained else {}
    if not named:
        return {"path": str(path), **more}
    first, ((name, probability), *_) = next(iter(named.items()))
    answer = None if first in abstained else name
    heads = {
        head: [{"class": other, "probability": round(value, 6)} for other, value in ranked]
        for head, ranked in named.items()
    }
    return {"path": str(path), "class": answer, "probability": round(probability, 6), "top": heads, **more}
