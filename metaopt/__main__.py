"""``python -m metaopt COMMAND`` and the installed ``metaopt COMMAND``: run one of the commands."""

import os
import sys

if not __package__:  # `python path/of/metaopt`: Python searches inside the package, where errors.py and others shadow
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

from metaopt.terminal.interruption import end_on_interrupts

if __name__ == "__main__":
    end_on_interrupts()  # before the other imports, each of which is a moment for a Ctrl-C

from collections.abc import Sequence
from importlib import import_module

import metaopt
from metaopt.errors import hint
from metaopt.terminal.commands import start_of
from metaopt.terminal.output import safe_output
from metaopt.terminal.printable import printable

COMMANDS = {
    "init": "write the files of a new problem for you to edit",
    "search": "start or resume a search",
    "check": "tell the faults of a problem file",
    "evolve": "evolve the hyperparameters of one network while it trains",
    "status": "show whether a search runs, how far it is, and its best trial",
    "list": "list the studies in a folder",
    "best": "print the best hyperparameters and draw their network",
    "report": "write the page of a study, and draw its figures",
    "serve": "serve the pages of studies, up to date while searches run",
    "retrain": "train the best network on all training images and test it once",
    "audit": "list near-duplicate images and suspicious labels",
    "narrow": "write a narrower space from what a study found",
    "compare": "compare studies, with significance tests",
    "filters": "draw what each convolution of a retrained model responds to",
    "predict": "classify image files with a retrained model",
    "import": "import trials that were trained elsewhere",
    "export": "write a study for other programs, or a model for other frameworks",
    "repair": "rebuild a damaged or lost journal from the records",
    "delete": "delete the files of a study, after asking",
}
# ``import`` is a keyword and ``list`` a built-in, so their modules have other names.
_MODULES = {"import": "import_trials", "list": "list_studies"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    if argv is None:
        end_on_interrupts()  # the installed script does not run this module
    with safe_output():
        return _run(list(sys.argv[1:] if argv is None else argv))


def _run(arguments: list[str]) -> int:
    if arguments[:1] == ["--version"]:
        print(f"metaopt {metaopt.__version__}")
        return 0
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_usage())
        return 0 if arguments else 2
    command, *rest = arguments
    if command not in COMMANDS:
        print(f"error: Unknown command: {printable(command)}. {hint(command, COMMANDS)}", file=sys.stderr)
        return 2
    module = import_module(f"metaopt.cli.{_MODULES.get(command, command)}")
    exit_code: int = module.main(rest, prog=f"metaopt {command}")
    return exit_code


def _usage() -> str:
    lines = [f"  {name:<9} {text}" for name, text in COMMANDS.items()]
    return "\n".join(
        [
            "usage: metaopt COMMAND [options]",
            "",
            *lines,
            "",
            f"`{start_of('metaopt')} COMMAND --help` shows its options.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
