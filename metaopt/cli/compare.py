"""``metaopt compare``: studies side by side, with the tests that make sense between them."""

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from metaopt.cli.arguments import Parser
from metaopt.cli.errors import guarded
from metaopt.report.analysis.comparison import compare, group_studies, load_studies
from metaopt.report.console import print_comparison
from metaopt.report.plots import draw_comparison


def main(argv: Sequence[str] | None = None, *, prog: str = "metaopt compare") -> int:
    """The command; returns its exit code."""
    return guarded(lambda: run(make_parser(prog).parse_args(argv)))


def make_parser(prog: str) -> Parser:
    """The flags."""
    parser = Parser(
        prog=prog,
        description="Compares studies: scores on validation and test images, McNemar's test for each pair of retrained"
        " models, a paired test over seeds for each pair of strategies, and pictures. Studies that differ only in their"
        " seed are taken together.",
    )
    parser.add_argument("studies", nargs="*", type=Path, metavar="STUDY", help="a study's folder; two or more")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument("--output", type=Path, default=Path("comparison"), metavar="DIR", help="the pictures' folder")
    return parser


def run(arguments: Namespace) -> None:
    """Prints the comparison and draws it.

    Raises:
        UserError: fewer than two studies, one named twice or not there, or the pictures cannot be written.
    """
    studies = load_studies(arguments.studies)
    groups = group_studies(studies)
    comparison = compare(studies, groups)
    pictures = draw_comparison(comparison["studies"], groups, arguments.output)
    if arguments.json:
        comparison["figures"] = [str(path) for path in pictures]
        print(json.dumps(comparison, indent=2, ensure_ascii=False, allow_nan=False, default=str))
        return
    print_comparison(comparison, sys.stdout)
    for path in pictures:
        print(path)
