"""``metaopt predict``: predict images or signals with a model that ``metaopt retrain`` wrote; it needs no study."""

import functools
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from metaopt.cli.arguments import SKIP_BROKEN, Parser, integer
from metaopt.cli.errors import guarded
from metaopt.cli.json_output import print_json
from metaopt.cli.model_source import find_model
from metaopt.cli.predicted_classes import (
    as_csv,
    as_line,
    describe,
    find_abstained,
    most_probable,
    table_header,
    table_row,
)
from metaopt.cli.predicted_heads import describe_outputs
from metaopt.cli.predicted_inputs import Unread, find_images, kinds_of, read_input
from metaopt.data.image_file import ImageFileError
from metaopt.data.images import InputArray
from metaopt.deployment.formats import KERAS, find_format
from metaopt.deployment.model_files import open_model
from metaopt.deployment.runner import Runner
from metaopt.errors import UserError
from metaopt.files.atomic_files import cannot_write
from metaopt.outputs.class_metrics import Probabilities
from metaopt.terminal.output import is_lost
from metaopt.terminal.printable import printable
from metaopt.terminal.wrapping import print_wrapped
from metaopt.training.model_file import ModelMetadata, read_metadata

BATCH_SIZE = 256
"""Default number of images that are decoded, and then predicted together."""


def main(argv: Sequence[str] | None = None, *, prog: str = "metaopt predict") -> int:
    """Run the command and return its exit code."""
    return guarded(lambda: run(make_parser(prog).parse_args(argv)))


def make_parser(prog: str) -> Parser:
    """Return the parser of the command."""
    parser = Parser(prog=prog, description="Predicts images or signals with a model that `metaopt retrain` wrote.")
    model = (
        "the model: a .keras file of retrain, what export wrote (.onnx, .tflite, .pt2, a SavedModel), or a study with"
        " its best.keras"
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help=model)
    parser.add_argument(
        "images", type=Path, nargs="+", metavar="IMAGES", help="files of images or signals, or folders of them"
    )
    output = "folder of predicted images, for a model that returns images (default: predicted)"
    parser.add_argument("--output", type=Path, default=Path("predicted"), metavar="DIR", help=output)
    parser.add_argument("--skip-broken", action="store_true", help=SKIP_BROKEN)
    batch = "number of images that are read and predicted together"
    parser.add_argument("--batch-size", type=integer(1), default=BATCH_SIZE, metavar="N", help=batch)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object per image and line")
    form.add_argument("--csv", action="store_true", help="print a table with a row per image and every probability")
    return parser


def run(arguments: Namespace) -> None:
    """Print a line for each image; unreadable ones are reported on stderr.

    Raises:
        UserError: The model cannot be loaded, or images could not be read.
    """
    model = find_model(arguments.model)
    metadata = _metadata(model)
    paths, unread, notes = find_images(arguments.images, kinds_of(metadata))
    for note in notes:
        print_wrapped(f"note: {printable(note)}", file=sys.stderr)
    longest = max((len(printable(path)) for path in paths), default=0)
    n_classified = 0
    if arguments.csv:
        print(as_csv(table_header(metadata)))
    for start in range(0, len(paths), arguments.batch_size):
        images: list[tuple[Path, InputArray]] = []
        for path in paths[start : start + arguments.batch_size]:
            try:
                images.append((path, read_input(path, metadata)))
            except ImageFileError as error:
                unread.append(Unread(path, str(error)))
        if images:
            predicted = _predictor(model)(np.stack([image for _, image in images]))
            n_classified += len(images)
            _print_batch(arguments, metadata, [path for path, _ in images], predicted, longest)
        if is_lost(sys.stdout):  # as `head` does after enough lines
            return
    _report(unread, skips=arguments.skip_broken and n_classified > 0)


def _print_batch(
    arguments: Namespace,
    metadata: ModelMetadata,
    paths: Sequence[Path],
    predicted: dict[str, Probabilities],
    longest: int,
) -> None:
    """Print the predictions of some images."""
    for row, path in enumerate(paths):
        named = most_probable(metadata, predicted, row)
        abstained = find_abstained(metadata, predicted, row)
        try:
            others = describe_outputs(metadata.outputs, predicted, row, path, arguments.output)
        except OSError as error:
            raise cannot_write(arguments.output, error) from error
        if arguments.json:
            print_json(describe(path, named, others, abstained))
        elif arguments.csv:
            print(as_csv(table_row(metadata, predicted, row, path, others, abstained)), flush=True)
        else:
            print(as_line(path, named, longest, others, abstained), flush=True)


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
        print_wrapped(f"{kind}: {printable(one)}", file=sys.stderr)
    if not skips:
        raise UserError(str(unread[-1]))
    number = len(unread)
    print_wrapped(f"note: Left out {number:,} file{'' if number == 1 else 's'} that cannot be read.", file=sys.stderr)


def _metadata(path: Path) -> ModelMetadata:
    """Return the metadata of a model; of a ``.keras`` file without Keras."""
    return read_metadata(path) if find_format(path).name == KERAS else _open(path).metadata


@functools.cache
def _open(path: Path) -> Runner:
    return open_model(path)


def _predictor(path: Path) -> Callable[[InputArray], dict[str, Probabilities]]:
    """Return the function from images to head → predictions; it loads the model."""
    runner = _open(path)
    return lambda images: runner.predict(images, len(images))
