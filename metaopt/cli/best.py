"""``metaopt best``: print the best hyperparameters as JSON, with the uncertainty of their score; draw the network."""

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from metaopt.blueprint import Blueprint
from metaopt.blueprint.drawn import UnreadableDrawing, unpack_drawing
from metaopt.cli.arguments import Parser, add_preference, add_study, add_study_files
from metaopt.cli.best_model import save_best_model
from metaopt.cli.errors import guarded
from metaopt.cli.json_output import print_json
from metaopt.cli.retrain_plan import find_trial
from metaopt.cli.study_inputs import (
    FIGURES,
    WrittenPoint,
    point_of,
    read_point,
    ready_problem,
    require_same_network,
    study_problem,
)
from metaopt.errors import UserError
from metaopt.outputs import read_classes
from metaopt.problems.problem import Problem, fitting
from metaopt.report.analysis import StudyData
from metaopt.report.console import describe_best, summarise_best
from metaopt.storage.study import Study
from metaopt.terminal.commands import absolute, command, shown
from metaopt.terminal.printable import file_name, printable
from metaopt.terminal.wrapping import print_wrapped
from metaopt.training.model_file import check_writable


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
    add_study_files(parser)
    add_preference(parser)
    add_study(parser)
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
    study = Study.load(arguments.results, arguments.prefer)
    if arguments.save is not None:
        check_writable(arguments.save)  # before the description is printed
    ending = "svg" if arguments.svg else "png"
    if arguments.point is None:
        imported = study.best_imported
        record = study.require_best() if imported is None else imported
        description = describe_best(StudyData.of(study), study.folder, imported)
        print_json(description, indent=2)
        print_wrapped(summarise_best(description), file=sys.stderr)
        written, picture = WrittenPoint(record.point, dict(record.vals)), FIGURES / f"model_best.{ending}"
    else:
        written = read_point(arguments.point)
        picture = FIGURES / f"model_{file_name(arguments.point.stem.removeprefix('model_'))}.{ending}"
    print_wrapped(printable(draw(study, written, study.folder / picture, arguments.space)), file=sys.stderr)
    if arguments.save is not None:
        print_wrapped(
            printable(save_best_model(study, study.require_best(), arguments.save, arguments.space, arguments.data)),
            file=sys.stderr,
        )


def draw(study: Study, written: WrittenPoint, path: Path, given: str | None = None) -> str:
    """Draw the network of a point; return a sentence on where, or on why there is none.

    The network is the one that the journal holds. A file is run only if the user names it.

    Args:
        study: the study.
        written: the point.
        path: file of the picture.
        given: the problem that the user names, which is run; None to run none.
    """
    try:
        blueprint = _stored_blueprint(study, written) if given is None else None
        problem = _nameable_problem(study, given) if blueprint is None else None
    except UserError as error:
        return f"No network is drawn: {error}"
    if problem is not None:
        blueprint = _build_blueprint(study, problem, written)
    if blueprint is None:
        return f"{study.header['problem']['name']} defines Keras models without a blueprint, so there is none to draw."
    path.parent.mkdir(parents=True, exist_ok=True)
    blueprint.draw(path)
    return f"Its network, {blueprint.params:,} parameters and {blueprint.macs:,} MACs, is drawn in {shown(path)}."


def _stored_blueprint(study: Study, written: WrittenPoint) -> Blueprint | None:
    """Return the network of the trial that trained a point, from the journal; None if it holds none."""
    record = find_trial(study, written)
    text = None if record is None else study.state.trials[record.trial].proposal.get("drawing")
    try:
        return None if text is None else unpack_drawing(text)
    except UnreadableDrawing as error:
        raise UserError(f"{error} Name the problem's file with --space to draw it.") from error


def _nameable_problem(study: Study, given: str | None) -> Problem | None:
    """Return the problem that the user names, or a ready one; None if the study's own has no blueprints.

    Raises:
        UserError: There is none, or it has changed.
    """
    kept = study.header["problem"]
    if given is None and not kept["name"]:
        raise UserError(f"The study in {shown(study.folder)} was searched from Python, without a network.")
    own = (trial.proposal for trial in study.state.trials if trial.is_own)
    if given is None and not kept.get("has_blueprint", any("blueprint" in proposal for proposal in own)):
        return None
    problem = ready_problem(study) if given is None else study_problem(study, given)
    if problem is None:
        raise UserError(
            "The study holds no drawing of it. To draw it, name the problem's file with --space; a file that is not"
            " named is not run."
        )
    require_same_network(study, problem)
    return problem


def _build_blueprint(study: Study, problem: Problem, written: WrittenPoint) -> Blueprint | None:
    """Return the network of a point; None where only Keras can describe it.

    Raises:
        UserError: The point does not fit the problem.
    """
    data = study.header["data"]
    point = point_of(problem, written, lambda text: print_wrapped(text, file=sys.stderr))
    blueprint: Blueprint | None = fitting(
        problem, lambda: problem.blueprint(point, tuple(data["input_shape"]), read_classes(data["classes"]))
    )
    return blueprint
