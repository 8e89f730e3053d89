"""``metaopt status``: show whether a search runs, how far it is, and its best trial."""

import time
from argparse import Namespace
from collections.abc import Sequence

from metaopt.cli.arguments import Parser, add_study
from metaopt.cli.errors import guarded
from metaopt.cli.json_output import print_json
from metaopt.report.analysis.study_status import read_status
from metaopt.report.console.status import describe_status
from metaopt.terminal.printable import printable


def main(argv: Sequence[str] | None = None, *, prog: str = "metaopt status") -> int:
    """Run the command and return its exit code."""
    return guarded(lambda: run(make_parser(prog).parse_args(argv)))


def make_parser(prog: str) -> Parser:
    """Return the parser of the command."""
    parser = Parser(
        prog=prog, description="Shows the state of a study: whether a search runs, how far it is, and its best trial."
    )
    add_study(parser)
    parser.add_argument("--json", action="store_true", help="print the state as JSON")
    return parser


def run(arguments: Namespace) -> None:
    """Print the state.

    Raises:
        UserError: There is no study, or its journal is damaged.
    """
    status = read_status(arguments.results)
    if arguments.json:
        print_json(status.to_json(), indent=2)
        return
    for line in describe_status(status, time.time()):
        print(printable(line))
