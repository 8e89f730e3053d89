"""``metaopt list``: list the studies in a folder."""

import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from metaopt.cli.arguments import Parser
from metaopt.cli.errors import guarded
from metaopt.cli.json_output import print_json
from metaopt.errors import UserError
from metaopt.report.analysis.study_status import read_statuses
from metaopt.report.console.status import describe_list
from metaopt.terminal.printable import printable
from metaopt.terminal.wrapping import print_wrapped


def main(argv: Sequence[str] | None = None, *, prog: str = "metaopt list") -> int:
    """Run the command and return its exit code."""
    return guarded(lambda: run(make_parser(prog).parse_args(argv)))


def make_parser(prog: str) -> Parser:
    """Return the parser of the command."""
    parser = Parser(prog=prog, description="Lists the studies in a folder and in the folders below it.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("."), metavar="DIR", help="where to look")
    parser.add_argument("--json", action="store_true", help="print the list as JSON")
    return parser


def run(arguments: Namespace) -> None:
    """Print the list; studies that cannot be read are named on stderr.

    Raises:
        UserError: The folder does not exist, or holds no study.
    """
    if not arguments.folder.is_dir():
        raise UserError(f"There is no folder {arguments.folder}.")
    statuses, errors = read_statuses(arguments.folder)
    if not statuses and not errors:
        raise UserError(f"There is no study in {arguments.folder} or in the folders below it.")
    if arguments.json:
        print_json([status.to_json() for status in statuses], indent=2)
    else:
        for line in describe_list(statuses, time.time()):
            print(printable(line))
    for error in errors:
        print_wrapped(f"warning: {printable(str(error))}", file=sys.stderr)
