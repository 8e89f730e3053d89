"""``python -m metaopt`` and the installed command ``metaopt``: one word, then the command's own arguments."""

import difflib
import sys
from collections.abc import Sequence
from importlib import import_module

COMMANDS = {
    "search": "runs a search, or goes on with one",
    "best": "shows the best hyperspace and draws its network",
    "report": "draws what a study found",
    "retrain": "trains the best network on all training images and tests it once",
    "compare": "shows studies side by side, with the tests that make sense between them",
    "predict": "classifies pictures with a retrained model",
    "import": "takes trials that were trained elsewhere into a study",
}
# A module cannot be called after a keyword.
_MODULES = {"import": "import_trials"}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_usage())
        return 0 if arguments else 2
    command, *rest = arguments
    if command not in COMMANDS:
        near = difflib.get_close_matches(command, COMMANDS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(COMMANDS)}."
        print(f"error: the command {command} is unknown: {hint}", file=sys.stderr)
        return 2
    module = import_module(f"metaopt.cli.{_MODULES.get(command, command)}")
    exit_code: int = module.main(rest, prog=f"metaopt {command}")
    return exit_code


def _usage() -> str:
    lines = [f"  {name:<9} {text}" for name, text in COMMANDS.items()]
    return "\n".join(["usage: metaopt COMMAND …", "", *lines, "", "metaopt COMMAND --help shows its options."])


if __name__ == "__main__":
    sys.exit(main())
