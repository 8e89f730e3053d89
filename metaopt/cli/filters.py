"""``metaopt filters``: draw what each convolution of a model responds to most."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from metaopt.cli.arguments import Parser, integer
from metaopt.cli.errors import guarded
from metaopt.cli.model_source import find_model
from metaopt.deployment.formats import KERAS, find_format
from metaopt.errors import UserError
from metaopt.quantities import plural
from metaopt.terminal.commands import absolute, shown
from metaopt.terminal.printable import file_name, printable
from metaopt.terminal.suppressed_stderr import suppressed_stderr
from metaopt.terminal.wrapping import print_wrapped
from metaopt.training import backend
from metaopt.training.model_file import read_metadata

_STEPS = 128
_LAYERS = 16  # more than most networks from scratch have; a backbone may have a hundred, which would take hours


def main(argv: Sequence[str] | None = None, *, prog: str = "metaopt filters") -> int:
    """Run the command and return its exit code."""
    return guarded(lambda: run(make_parser(prog).parse_args(argv)), prints_its_result=False)


def make_parser(prog: str) -> Parser:
    """Return the parser of the command."""
    parser = Parser(
        prog=prog,
        description="Draws, for each convolution of a model that `metaopt retrain` wrote, the inputs that its filters"
        " respond to most: a picture for each layer.",
    )
    add = parser.add_argument
    add("model", type=absolute, metavar="MODEL", help="the .keras file, or the study with its best.keras")
    output = "folder of the pictures (default: the name of the model with _filters, beside it)"
    add("-o", "--output", type=absolute, metavar="DIR", help=output)
    layers = "largest number of convolutions, which are evenly spaced over the network"
    add("--layers", type=integer(1), default=_LAYERS, metavar="N", help=layers)
    add("--steps", type=integer(1), default=_STEPS, metavar="N", help="number of gradient steps")
    add("--seed", type=integer(0), default=0, metavar="N", help="seed of the noise that the ascent starts from")
    return parser


def run(arguments: Namespace) -> None:
    """Draw a picture for each convolution, and print its path.

    Raises:
        UserError: The file is no model of ``retrain``, or the model has no convolution.
        ResultsNotWritable: A picture cannot be written.
    """
    path = find_model(arguments.model)
    if path.exists() and find_format(path).name != KERAS:
        raise UserError(f"{shown(path)} has no layers to look into. Expected the .keras file that retrain wrote.")
    read_metadata(path)  # before Keras is imported
    with suppressed_stderr():
        backend.prepare()
    from metaopt.report.plots.filters import filters_figure
    from metaopt.training.export import load_model
    from metaopt.training.filters import find_networks, iterate_filters

    model, _ = load_model(path)
    folder: Path = arguments.output or path.with_name(f"{path.stem}_filters")
    networks = find_networks(model)
    drawn = total = 0
    for number, network in enumerate(networks, start=1):
        prefix = "" if len(networks) == 1 else f"network_{number}_"
        for layer in iterate_filters(network, seed=arguments.seed, steps=arguments.steps, most=arguments.layers):
            file = folder / f"{prefix}{layer.place + 1:02}_{file_name(layer.name.replace('/', '.'))}.png"
            filters_figure(layer.name, layer.filters.tolist(), layer.inputs, layer.count, file, path.name)
            print(f"{printable(shown(file))}: {plural(layer.count, 'filter')}", flush=True)
            drawn += 1
        total += layer.layers
    if drawn < total:
        print_wrapped(f"{plural(total - drawn, 'other convolution')} not drawn: --layers sets how many are drawn.")
