"""``metaopt check``: the faults of a problem file, within about a second."""

import sys
from argparse import Namespace
from collections.abc import Sequence

from metaopt.cli.arguments import Parser, image_size
from metaopt.cli.errors import guarded
from metaopt.errors import UserError
from metaopt.guard.problem_check import DRAWS, TYPICAL_KINDS, DataKind, ProblemCheck, check_problem
from metaopt.problems.loading import CNN, load_problem, shown_files
from metaopt.problems.problem import Problem
from metaopt.quantities import plural
from metaopt.report.space_summary import describe_sizes, describe_space
from metaopt.terminal.commands import command
from metaopt.terminal.printable import printable, printable_lines
from metaopt.terminal.wrapping import print_wrapped
from metaopt.trials.constraints import parse_constraints


def main(argv: Sequence[str] | None = None, *, prog: str = "metaopt check") -> int:
    """Run the command and return its exit code."""
    return guarded(lambda: run(make_parser(prog).parse_args(argv)))


def make_parser(prog: str) -> Parser:
    """Return the parser of the command."""
    parser = Parser(
        prog=prog,
        description="Tells the faults of a problem file within about a second, without Keras: it is run, points are"
        " drawn from its space, and the network and the training configuration of each are made and compared.",
    )
    problem = (
        "a problem file, a folder with space.py and neural_net.py, or a ready problem (default: the current folder)"
    )
    parser.add_argument("problem", nargs="?", default=CNN, metavar="PROBLEM", help=problem)
    parser.add_argument(
        "--data", metavar="DATA", help="check for these images or signals, as for a search (default: typical ones)"
    )
    parser.add_argument("--image-size", type=image_size, metavar="N", help="as for a search, with --data")
    limits = "a limit that the networks have to meet, e.g. params<=200k; may be repeated"
    parser.add_argument("--constraint", action="append", metavar="CONSTRAINT", help=limits)
    return parser


def run(arguments: Namespace) -> None:
    """Check a problem, and print what it is.

    Raises:
        UserError: The problem cannot be loaded, or has faults.
    """
    constraints = parse_constraints(arguments.constraint or ())
    if arguments.image_size is not None and arguments.data is None:
        raise UserError("--image-size needs --data: without it, typical sizes are checked.")
    kinds = TYPICAL_KINDS if arguments.data is None else [_kind_of(arguments)]
    problem = load_problem(arguments.problem)
    found = check_problem(problem, kinds, constraints)
    name = shown_files(problem)
    for line in _describe(found, problem, name):
        print_wrapped(printable(line))
    for fault in found.faults:
        print_wrapped(f"fault: {printable_lines(fault)}", file=sys.stderr)
    if found.faults:
        raise UserError(f"{plural(len(found.faults), 'fault')} found in {name}.")
    data = ["--data", arguments.data] if arguments.data else []
    limits = [word for text in arguments.constraint or () for word in ("--constraint", text)]
    space = [] if arguments.problem == CNN else ["--space", arguments.problem]
    trial = command("search", *space, *data, *limits, "--dry-run")
    print_wrapped(
        f"No faults found. `{printable(trial)}` trains three networks for a moment, and says what a search would do."
    )


def _kind_of(arguments: Namespace) -> DataKind:
    """Return the kind of the data that the user names.

    Raises:
        UserError: They cannot be loaded.
    """
    from metaopt.data import DataSpec, load, resolve  # scikit-learn, which takes long to import
    from metaopt.data.target_kinds import check_new_heads

    spec, _ = resolve(DataSpec(arguments.data, arguments.image_size), gpu=False)
    data = load(spec)
    check_new_heads(data.outputs, data.name)
    return DataKind(data.name, data.input_shape, data.classes)


def _describe(found: ProblemCheck, problem: Problem, name: str) -> list[str]:
    """Return lines on a problem, as far as it could be examined."""
    lines = [] if found.space is None else [f"{name}: {describe_space(found.space)}."]
    if found.accepted:
        shares = [f"{100 * each.share:.0f} % for {kind.name}" for kind, each in found.accepted.items()]
        lines.append(f"Valid networks among {DRAWS} draws: {'; '.join(shares)}.")
        kind, acceptance = next(iter(found.accepted.items()))
        if (sizes := describe_sizes(acceptance)) is not None:
            lines.append(f"For {kind.name} they have {sizes}.")
    elif found.space is not None and not problem.has_blueprint and not found.faults:
        lines.append("Its networks are made by build_model with Keras, so they were not made here.")
    return [*lines, *(f"note: {note}" for note in found.notes)]
