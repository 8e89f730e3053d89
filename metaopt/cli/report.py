"""``metaopt report``: draws what a study found."""

from argparse import Namespace
from collections.abc import Sequence

from metaopt.cli.arguments import Parser, add_results
from metaopt.cli.errors import guarded
from metaopt.cli.points import FIGURES, study_problem
from metaopt.errors import UserError
from metaopt.report.analysis import StudyData
from metaopt.report.plots import draw_all
from metaopt.spaces import Space, compile_space
from metaopt.storage.study import Study


def main(argv: Sequence[str] | None = None, *, prog: str = "metaopt report") -> int:
    """The command; returns its exit code."""
    return guarded(lambda: run(make_parser(prog).parse_args(argv)))


def make_parser(prog: str) -> Parser:
    """The flags."""
    parser = Parser(prog=prog, description="Draws a study: progress, every hyperparameter's effect, learning curves.")
    add_results(parser)
    return parser


def run(arguments: Namespace) -> None:
    """Draws the figures and says where they are.

    Raises:
        UserError: there is no study.
    """
    study = Study.load(arguments.results)
    figures = draw_all(StudyData.of(study), study.folder / FIGURES, _space(study))
    for path in figures:
        print(path)


def _space(study: Study) -> Space | None:
    """The space, which tells logarithmic axes; a study can be drawn without it."""
    try:
        return compile_space(study_problem(study).space)
    except UserError:
        return None
