"""``metaopt compare``: compare studies, with significance tests."""

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from metaopt.cli.arguments import Parser
from metaopt.cli.errors import guarded
from metaopt.cli.json_output import print_json
from metaopt.report.analysis.comparison import compare, group_studies, load_studies
from metaopt.report.console import print_comparison
from metaopt.report.plots import draw_comparison
from metaopt.terminal.printable import printable


def main(argv: Sequence[str] | None = None, *, prog: str = "metaopt compare") -> int:
    """Run the command and return its exit code."""
    return guarded(lambda: run(make_parser(prog).parse_args(argv)))


def make_parser(prog: str) -> Parser:
    """Return the parser of the command."""
    parser = Parser(
        prog=prog,
        description="Compares studies: scores on validation and test images, McNemar's test or a paired bootstrap for"
        " each pair of retrained models, a paired test over seeds for each pair of strategies, and figures. Studies"
        " that differ only in their seed form a group.",
    )
    parser.add_argument("studies", nargs="*", type=Path, metavar="STUDY", help="a study's folder; two or more")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument("--output", type=Path, default=Path("comparison"), metavar="DIR", help="folder of the figures")
    return parser


def run(arguments: Namespace) -> None:
    """Print the comparison and draw it.

    Raises:
        UserError: There are fewer than two studies, one is given twice or missing, or the figures cannot be written.
    """
    studies = load_studies(arguments.studies)
    groups = group_studies(studies)
    comparison = compare(studies, groups)
    pictures = draw_comparison(comparison["studies"], groups, arguments.output)
    if arguments.json:
        comparison["figures"] = [str(path) for path in pictures]
        print_json(comparison, indent=2)
        return
    print_comparison(comparison, sys.stdout)
    for path in pictures:
        print(printable(path))
