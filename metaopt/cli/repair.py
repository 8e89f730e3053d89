"""``metaopt repair``: rebuild the journal of a study."""

from argparse import Namespace
from collections.abc import Sequence

from metaopt.cli.arguments import Parser, add_study
from metaopt.cli.errors import guarded
from metaopt.quantities import plural
from metaopt.storage.repair import Repair, repair
from metaopt.terminal.commands import shown
from metaopt.terminal.printable import printable
from metaopt.terminal.wrapping import print_wrapped


def main(argv: Sequence[str] | None = None, *, prog: str = "metaopt repair") -> int:
    """Run the command and return its exit code."""
    parser = make_parser(prog)
    return guarded(lambda: run(parser.parse_args(argv)))


def make_parser(prog: str) -> Parser:
    """Return the parser of the command."""
    parser = Parser(
        prog=prog,
        description="Rebuilds a journal that is damaged, cut or lost, from its undamaged lines, those after damage"
        " included, and from the records of the trials. It says what cannot be restored. The old"
        " journal is kept under another name. A sound journal is not changed.",
    )
    add_study(parser)
    return parser


def run(arguments: Namespace) -> None:
    """Repair the study and print what was done.

    Raises:
        UserError: There is no study, a search is running on it, or a later version wrote it.
    """
    done = repair(arguments.results)
    if done is None:
        print_wrapped(f"The journal of {printable(shown(arguments.results))} is sound. Nothing was changed.")
        return
    print_wrapped(
        f"Wrote {printable(shown(done.journal))}: {plural(done.kept, 'event')} of the old journal, and"
        f" {plural(len(done.rebuilt), 'trial')} rebuilt from records or completed from them."
    )
    if done.aside is not None:
        print(f"The old journal is kept as {printable(shown(done.aside))}.")
    for path, reason in done.skipped:
        print_wrapped(f"Skipped {printable(shown(path))}, which is not a sound record: {printable(reason)}.")
    _print_losses(done)
    if not done.has_header:
        print_wrapped(
            "The records do not tell the space, the network and the data: the next search on the study adds its own."
        )


def _print_losses(done: Repair) -> None:
    """Print what could not be restored."""
    if done.lost:
        print_wrapped(f"Not restored: {_trials(done.lost)}, of which neither a first event nor a record is left.")
    if dropped := sorted(number for number in done.dropped if number is not None and number not in done.lost):
        print_wrapped(
            f"Not restored: undamaged events of {_trials(dropped)}, because events before them are lost. The next"
            " search resumes what is not complete of it from its checkpoints, or trains it again."
        )
    if done.dropped.get(None):
        print_wrapped(f"Not restored: {plural(done.dropped[None], 'event')} that do not fit those before them.")
    if done.partial_folds:
        print_wrapped(
            f"Not restored: metrics of single folds of {_trials(done.partial_folds)}, apart from the objective at the"
            " best epoch."
        )


def _trials(numbers: Sequence[int]) -> str:
    """Return ``trial 3`` or ``trials 3, 5 and 9``."""
    *first, last = map(str, numbers)
    return f"trials {', '.join(first)} and {last}" if first else f"trial {last}"
