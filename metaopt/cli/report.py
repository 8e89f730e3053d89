"""``metaopt report``: draw the figures of a study."""

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from metaopt.cli.arguments import Parser, add_study
from metaopt.cli.errors import guarded
from metaopt.cli.study_inputs import FIGURES
from metaopt.report.analysis import StudyData
from metaopt.report.analysis.predictions import read_heads
from metaopt.report.analysis.test_log import read_test_log
from metaopt.report.console import describe_decisions
from metaopt.report.plots import draw_all, draw_predictions
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
    paths = draw_all(data, study.folder / FIGURES) + _draw_test(study, data)
    for path in paths:
        print(printable(shown(path)))
    for line in describe_decisions(data):
        print(line, file=sys.stderr)


def _draw_test(study: Study, data: StudyData) -> list[Path]:
    """Draw the predictions of the model that was tested last, if they are kept."""
    for entry in reversed(read_test_log(study.folder)):
        heads = read_heads(study.folder, entry.get("predictions") or {})
        if heads:
            model = Path(entry["model"]).name if entry.get("model") else "unnamed"
            return draw_predictions(heads, study.folder / FIGURES, f"{data.caption} · model {model}")
    return []
