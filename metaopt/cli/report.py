"""``metaopt report``: draw the figures of a study."""

import sys
from argparse import Namespace
from collections.abc import Sequence

from metaopt.cli.arguments import Parser, add_study
from metaopt.cli.errors import guarded
from metaopt.cli.study_inputs import FIGURES
from metaopt.report.analysis import StudyData
from metaopt.report.console import describe_decisions
from metaopt.report.plots import draw_all
from metaopt.storage.study import Study
from metaopt.terminal.commands import shown
from metaopt.terminal.printable import printable


def main(argv: Sequence[str] | None = None, *, prog: str = "metaopt report") -> int:
    """Run the command and return its exit code."""
    return guarded(lambda: run(make_parser(prog).parse_args(argv)))


def make_parser(prog: str) -> Parser:
    """Return the parser of the command."""
    parser = Parser(
        prog=prog,
        description="Draws the figures of a study and prints their paths. Of the strategy auto it also says, on stderr,"
        " why trials were trained on or left.",
    )
    add_study(parser)
    return parser


def run(arguments: Namespace) -> None:
    """Draw the figures, print their paths on stdout, and the decisions of the strategy on stderr.

    Raises:
        UserError: There is no study.
    """
    study = Study.load(arguments.results)
    data = StudyData.of(study)
    for path in draw_all(data, study.folder / FIGURES):
        print(printable(shown(path)))
    for line in describe_decisions(data):
        print(line, file=sys.stderr)
