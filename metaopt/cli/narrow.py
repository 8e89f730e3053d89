"""``metaopt narrow``: write a narrower space from what a study found."""

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from metaopt.cli.arguments import Parser, add_study, fraction
from metaopt.cli.errors import guarded
from metaopt.cli.narrowed_file import write_problem
from metaopt.cli.study_inputs import located_data, study_problem
from metaopt.engine.strategy import STRATEGIES
from metaopt.errors import StudyMismatch, UserError, invalid_value
from metaopt.files.atomic_files import write_bytes
from metaopt.quantities import plural
from metaopt.report.analysis import StudyData
from metaopt.report.analysis.narrowing import BEST_SHARE, narrow
from metaopt.spaces import compile_space
from metaopt.storage.study import Study
from metaopt.terminal.commands import absolute, command, shown
from metaopt.terminal.printable import printable
from metaopt.terminal.wrapping import print_wrapped


def main(argv: Sequence[str] | None = None, *, prog: str = "metaopt narrow") -> int:
    """Run the command and return its exit code."""
    return guarded(lambda: run(make_parser(prog).parse_args(argv)), prints_its_result=False)


def make_parser(prog: str) -> Parser:
    """Return the parser of the command."""
    parser = Parser(
        prog=prog,
        description="Writes a problem file with a narrower space: ranges around the best trials where the effect of a"
        " hyperparameter is clear, without the options that lost, each with its evidence as a comment. A search of it"
        " with --start-from STUDY takes over the trials that lie inside.",
    )
    output = "the file to write; it must not exist"
    parser.add_argument("-o", "--output", type=absolute, default="space_narrow.py", metavar="FILE", help=output)
    share = "share of the trials that count as the best, above 0 and below 1"
    parser.add_argument("--best", type=fraction, default=BEST_SHARE, metavar="SHARE", help=share)
    space = "the problem's file, which is run; needed where no file near the study has the text that the study holds"
    parser.add_argument("--space", metavar="FILE", help=space)
    add_study(parser)
    return parser


def run(arguments: Namespace) -> None:
    """Write the file, and print what was narrowed.

    Raises:
        UserError: There is no study, its space is not known, too few trials or no clear effect, or the file exists.
    """
    output: Path = arguments.output
    if arguments.best <= 0:
        raise invalid_value("best", arguments.best, "Expected a number > 0 and < 1.")
    if output.suffix != ".py" or not output.stem.isidentifier():
        raise invalid_value("output", output.name, "Expected the name of a Python file such as space_narrow.py.")
    if output.exists():
        raise UserError(f"{shown(output)} exists already. Remove it, or choose another file with --output.")
    study = Study.load(arguments.results)
    problem = study_problem(study, arguments.space)
    space = compile_space(problem.space)
    if not study.holds_space(space):
        raise StudyMismatch(
            f"The space of {shown(problem.path or problem.name)} is not the one that was searched in"
            f" {shown(study.folder)}: restore it (the first line of journal.jsonl holds its source)."
        )
    found = StudyData.of(study)
    narrowing = narrow(found, space, arguments.best)
    write_bytes(output, write_problem(problem, narrowing, study, output.parent.resolve()).encode())
    for sentences in narrowing.evidence.values():
        print_wrapped(printable(" ".join(sentences)))
    print_wrapped(f"Unchanged: {plural(len(narrowing.unchanged), 'hyperparameter')}.", file=sys.stderr)
    data = located_data(study.settings["data"], study.folder)
    epochs = str(study.settings["epochs"])
    folder = study.folder.with_name(f"{study.folder.resolve().name}_narrow")
    # Trials are imported only under equal epochs and rungs.
    strategy = ["--strategy", found.strategy] if found.strategy in STRATEGIES else []
    same = ["--data", data, "--epochs", epochs, *strategy]
    advice = command("search", "--space", output, *same, "--start-from", study.folder, results=folder)
    print_wrapped(
        f"Written: {printable(shown(output))}. To search it, with the study's other settings as well:"
        f" `{printable(advice)}`",
        file=sys.stderr,
    )
