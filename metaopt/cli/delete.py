"""``metaopt delete``: delete the files of a study, after asking."""

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from metaopt.cli.arguments import Parser, add_study
from metaopt.cli.errors import guarded
from metaopt.errors import UserError
from metaopt.quantities import plural
from metaopt.storage.deletion import Deletion, delete, plan_deletion
from metaopt.terminal.commands import DEFAULT_RESULTS, command
from metaopt.terminal.printable import printable
from metaopt.terminal.wrapping import print_wrapped


def main(argv: Sequence[str] | None = None, *, prog: str = "metaopt delete") -> int:
    """Run the command and return its exit code."""
    parser = make_parser(prog)
    return guarded(lambda: run(parser.parse_args(argv)), "interrupted: run the command again to delete the rest.")


def make_parser(prog: str) -> Parser:
    """Return the parser of the command."""
    parser = Parser(
        prog=prog,
        description="Deletes the files that a study made: those in its folder, and its pickle beside it. Other files in"
        " the folder stay. A study on which a search is running is not deleted.",
    )
    add_study(parser, Path, None)  # without a default: what is deleted is always named
    parser.add_argument("--yes", "-y", action="store_true", help="delete without asking")
    return parser


def run(arguments: Namespace) -> None:
    """Ask, and delete.

    Raises:
        UserError: There is no study, a search is running on it, or there is nobody to ask.
    """
    if arguments.results is None:
        raise UserError(f"Name the study to delete, e.g. `{command('delete', DEFAULT_RESULTS)}`.")
    deletion = plan_deletion(arguments.results)
    if not arguments.yes and not _confirms(deletion):
        print_wrapped("Nothing was deleted.")
        return
    delete(deletion)
    print_wrapped(f"Deleted {printable(_describe(deletion))}.")
    if deletion.foreign:
        shown = ", ".join(str(path) for path in deletion.foreign[:5])
        more = f" and {len(deletion.foreign) - 5} more" if len(deletion.foreign) > 5 else ""
        print_wrapped(f"Kept, because the study did not make them: {printable(shown)}{more}.")


def _confirms(deletion: Deletion) -> bool:
    """Ask at a terminal.

    Raises:
        UserError: There is none.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        again = command("delete", deletion.folder, "--yes")
        raise UserError(
            f"Nothing was deleted: there is no terminal to ask at. To delete {_describe(deletion)}: {again}"
        )
    try:
        answer = input(f"Delete {printable(_describe(deletion))}? [y/N] ")
    except EOFError:
        return False
    return answer.strip().lower() in ("y", "yes")


def _describe(deletion: Deletion) -> str:
    trials = plural(deletion.trials, "trial")
    pickles = [str(path) for path in deletion.files if path.parent == deletion.folder.parent and path.suffix == ".pkl"]
    return " and ".join([f"the study {deletion.folder} with {trials}", *pickles])
