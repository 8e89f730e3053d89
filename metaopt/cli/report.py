"""``metaopt report``: write the page of a study, and draw its figures."""

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from metaopt.cli.arguments import Parser, add_preference, add_study, one_of
from metaopt.cli.contact_sheet import draw_best
from metaopt.cli.errors import guarded
from metaopt.cli.study_inputs import FIGURES
from metaopt.errors import invalid_value
from metaopt.report.analysis import StudyData
from metaopt.report.analysis.audit import FOLDER, read_audit
from metaopt.report.analysis.predictions import read_heads
from metaopt.report.analysis.test_log import read_test_log
from metaopt.report.console import describe_decisions
from metaopt.report.page import write_page
from metaopt.report.plots import draw_all, draw_predictions, draw_study_evolution
from metaopt.storage.study import Study
from metaopt.terminal.commands import absolute, command, shown
from metaopt.terminal.printable import printable
from metaopt.terminal.wrapping import print_wrapped

PAGE = "report.html"
PLACES = ("inside", "beside")
SUFFIXES = (".html", ".htm")


def main(argv: Sequence[str] | None = None, *, prog: str = "metaopt report") -> int:
    """Run the command and return its exit code."""
    return guarded(lambda: run(make_parser(prog).parse_args(argv)))


def make_parser(prog: str) -> Parser:
    """Return the parser of the command."""
    parser = Parser(
        prog=prog,
        description="Writes report.html, one page with everything about a study that a browser shows without a network,"
        " and draws figures as PNG and SVG; prints their paths. Of the strategy auto it also says, on stderr, why"
        " trials were trained on or left.",
    )
    output = f"the page (default: {FIGURES / PAGE} in the study's folder)"
    parser.add_argument("--output", type=absolute, metavar="FILE", help=output)
    plotly = "inside makes the page one file; beside keeps plotly.js, 5 MB, in a file beside it"
    parser.add_argument("--plotly", type=one_of(PLACES), default=PLACES[0], metavar="PLACE", help=plotly)
    parser.add_argument("--no-figures", action="store_true", help="write the page alone")
    add_preference(parser)
    add_study(parser)
    return parser


def run(arguments: Namespace) -> None:
    """Write page and figures, print their paths on stdout, and the decisions of the strategy on stderr.

    Raises:
        UserError: There is no study, a file cannot be written, or the page's name is that of another kind of file.
    """
    study = Study.load(arguments.results, arguments.prefer)
    data = StudyData.of(study)
    output = study.folder / FIGURES / PAGE if arguments.output is None else arguments.output
    if output.suffix.lower() not in SUFFIXES:
        raise invalid_value("output", shown(output), "Expected the name of a page, which ends in .html.")
    sheets = [] if arguments.no_figures else draw_best(study, data)
    sheet = next(iter(sheets), None)
    is_inside = arguments.plotly == PLACES[0]
    written = write_page(study, output, data, has_plotly_inside=is_inside, contact_sheet=sheet)
    if not arguments.no_figures:
        folder = study.folder / FIGURES
        written += draw_all(data, folder) + draw_study_evolution(study, folder) + _draw_test(study, data) + sheets
    for path in written:
        print(printable(shown(path)))
    if (audit := read_audit(study.folder)) is not None:
        for line in audit.describe(study.folder / FOLDER):
            print_wrapped(printable(line), file=sys.stderr)
    elif study.header.get("data"):
        print_wrapped(
            f"`{command('audit', results=study.folder)}` looks for near-duplicate images and wrong labels.",
            file=sys.stderr,
        )
    for line in describe_decisions(data):
        print_wrapped(line, file=sys.stderr)


def _draw_test(study: Study, data: StudyData) -> list[Path]:
    """Draw the predictions of the model that was tested last, if they are kept."""
    for entry in reversed(read_test_log(study.folder)):
        heads = read_heads(study.folder, entry.get("predictions") or {})
        if heads:
            model = Path(entry["model"]).name if entry.get("model") else "unnamed"
            return draw_predictions(heads, study.folder / FIGURES, f"{data.caption} · model {model}")
    return []
