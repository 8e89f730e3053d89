"""``metaopt best``: print the best hyperparameters as JSON, with the uncertainty of their score; draw the network."""

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from metaopt.cli.arguments import Parser, add_results
from metaopt.cli.best_model import save_best_model
from metaopt.cli.errors import guarded
from metaopt.cli.json_output import print_json
from metaopt.cli.study_inputs import FIGURES, read_point, require_same_network, study_problem
from metaopt.commands import absolute, command, shown
from metaopt.errors import UserError
from metaopt.printable import file_name, printable
from metaopt.problems.problem import fitting
from metaopt.report.analysis import StudyData
from metaopt.report.console import describe_best, summarise_best
from metaopt.storage.study import Study


def main(argv: Sequence[str] | None = None, *, prog: str = "metaopt best") -> int:
    """Run the command and return its exit code."""
    return guarded(lambda: run(make_parser(prog).parse_args(argv)))


def make_parser(prog: str) -> Parser:
    """Return the parser of the command."""
    parser = Parser(
        prog=prog, description="Prints the best hyperparameters of a study as JSON, and draws their network."
    )
    point = "draw the network of the point in this JSON file, or of this record, and print nothing else"
    parser.add_argument("--point", type=absolute, metavar="FILE", help=point)
    save = "export the best model so far as a .keras file, with the weights of the search"
    parser.add_argument("--save", type=absolute, metavar="FILE", help=save)
    parser.add_argument("--svg", action="store_true", help="draw an SVG instead of a PNG")
    add_results(parser)
    return parser


def run(arguments: Namespace) -> None:
    """Print the JSON on stdout and a summary on stderr.

    Raises:
        UserError: There is no study or no best trial, or the flags exclude each other.
    """
    if arguments.save is not None and arguments.point is not None:
        raise UserError(
            "--save exports the best trial's model and excludes --point. To get a model of that point, retrain it:"
            f" `{command('retrain', '--point', arguments.point, results=arguments.results)}`."
        )
    study = Study.load(arguments.results)
    ending = "svg" if arguments.svg else "png"
    if arguments.point is None:
        imported = study.best_imported
        record = study.require_best() if imported is None else imported
        description = describe_best(StudyData.of(study), study.folder, imported)
        print_json(description, indent=2)
        print(summarise_best(description), file=sys.stderr)
        point, picture = record.point, FIGURES / f"model_best.{ending}"
    else:
        point = read_point(arguments.point).point
        picture = FIGURES / f"model_{file_name(arguments.point.stem.removeprefix('model_'))}.{ending}"
    print(printable(draw(study, point, study.folder / picture)), file=sys.stderr)
    if arguments.save is not None:
        print(printable(save_best_model(study, study.require_best(), arguments.save)), file=sys.stderr)


def draw(study: Study, point: Any, path: Path) -> str:
    """Draw the network of a point; return a sentence on where, or on why there is none."""
    try:
        problem = study_problem(study)
        require_same_network(study, problem)
    except UserError as error:  # it is gone, has changed, or never existed
        return f"No network is drawn: {error}"
    data = study.header["data"]
    blueprint = fitting(problem, lambda: problem.blueprint(point, tuple(data["input_shape"]), data["classes"]))
    if blueprint is None:
        return f"{problem.name} defines Keras models without a blueprint, so there is no network to draw."
    path.parent.mkdir(parents=True, exist_ok=True)
    blueprint.draw(path)
    return f"Its network, {blueprint.params:,} parameters and {blueprint.macs:,} MACs, is drawn in {shown(path)}."
