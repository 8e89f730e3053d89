"""``metaopt report``: draw the figures of a study."""

from argparse import Namespace
from collections.abc import Sequence

from metaopt.cli.arguments import Parser, add_study
from metaopt.cli.errors import guarded
from metaopt.cli.study_inputs import FIGURES
from metaopt.report.analysis import StudyData
from metaopt.report.plots import draw_all
from metaopt.storage.study import Study
from metaopt.terminal.commands import shown
from metaopt.terminal.printable import printable


def main(argv: Sequence[str] | None = None, *, prog: str = "metaopt report") -> int:
    """Run the command and return its exit code."""
    return guarded(lambda: run(make_parser(prog).parse_args(argv)))


def make_parser(prog: str) -> Parser:
    """Return the parser of the command."""
    parser = Parser(prog=prog, description="Draws the figures of a study.")
    add_study(parser)
    return parser


def run(arguments: Namespace) -> None:
    """Draw the figures and print their paths.

    Raises:
        UserError: There is no study.
    """
    study = Study.load(arguments.results)
    figures = draw_all(StudyData.of(study), study.folder / FIGURES)
    for path in figures:
        print(printable(shown(path)))
