"""Argument types, and a parser whose errors name the flag, the given value and the accepted range."""

import argparse
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import metaopt
from metaopt.errors import UserError, hint, nearest
from metaopt.quantities import IMAGE_SIZE_EXPECTED, ImageSize, parse_duration, parse_image_size, parse_size
from metaopt.terminal.commands import DEFAULT_RESULTS, absolute, help_of
from metaopt.trials.choice import PREFERENCES

SKIP_BROKEN = "leave out image files that cannot be read, and name them, instead of refusing all"

_MAX_PORT = 65535
_debugging = False


def is_debugging() -> bool:
    """Return whether the command was given ``--debug``."""
    return _debugging


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Help formatter that shows the defaults of options that have one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in (None, False) else super()._get_help_string(action)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Wrap a paragraph; a text of several lines is laid out already."""
        return text if "\n" in text else super()._fill_text(text, width, indent)


class Parser(argparse.ArgumentParser):
    """Argument parser that raises ``UserError``, so that its errors look like all others."""

    def __init__(self, **options: Any):
        super().__init__(allow_abbrev=False, formatter_class=_Help, argument_default=None, **options)
        self.add_argument("--version", action="version", version=f"metaopt {metaopt.__version__}")

        self.add_argument(
            "--debug", action="store_true", help="show the whole traceback of an error in space.py or neural_net.py"
        )

    def parse_args(self, *arguments: Any, **options: Any) -> Any:
        """Parse arguments; ``--debug`` is kept for ``is_debugging`` and left out of them."""
        global _debugging  # noqa: PLW0603 - a property of the command
        _debugging = False  # also for an error in the arguments
        parsed = super().parse_args(*arguments, **options)
        _debugging = vars(parsed).pop("debug")
        return parsed

    def error(self, message: str) -> NoReturn:
        """Raise the message as a ``UserError``; for an unknown flag it names the nearest one."""
        unknown = re.fullmatch(r"unrecognized arguments: (.*)", message, re.DOTALL)
        value = re.fullmatch(r"argument ([^:]+): (.*)", message, re.DOTALL)
        if unknown:
            message = self._unknown(unknown[1].split()[0])
        elif value and value[2].startswith("expected "):
            message = f"Missing value for {value[1].split('/')[0]}."
        elif value:
            message = f"Invalid value for {value[1].split('/')[0]}: {value[2]}{'' if value[2][-1] in '.?' else '.'}"
        else:
            message = f"{message[0].upper()}{message[1:]}."
        raise UserError(f"{message} See `{help_of(self.prog)}`.")

    def _unknown(self, word: str) -> str:
        if not word.startswith("-"):
            return f"Unknown argument: {word}."
        flag = word.split("=")[0]
        known = [each for action in self._actions for each in action.option_strings]
        near = nearest(flag, known)
        return f"Unknown flag: {flag}." if near is None else f"Unknown flag: {flag}. Did you mean {near}?"


def one_of(names: Sequence[str]) -> Callable[[str], str]:
    """Return the argument type that accepts these names."""

    def check(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(f"{text}. {hint(text, names)}")
        return text

    return check


def integer(minimum: int) -> Callable[[str], int]:
    """Return the argument type that accepts integers from a minimum on."""

    def check(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = minimum - 1
        if number < minimum:
            raise argparse.ArgumentTypeError(f"{text}. Expected an integer >= {minimum}.")
        return number

    return check


def port(text: str) -> int:
    """Convert a TCP port; 0 is a free one."""
    number = integer(0)(text)
    if number > _MAX_PORT:
        raise argparse.ArgumentTypeError(f"{text}. Expected an integer from 0 to {_MAX_PORT}.")
    return number


def duration(text: str) -> float:
    """Convert ``90s``, ``30m``, ``1h30m``, ``2d`` or seconds to seconds."""
    return _positive(parse_duration, text, "a duration such as 90s, 30m or 1h30m")


def duration_or_off(text: str) -> float:
    """Convert a duration, or 0 for none."""
    return 0.0 if text.strip() == "0" else duration(text)


def fraction(text: str) -> float:
    """Convert a number >= 0 and < 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text}. Expected a number >= 0 and < 1.")
    return value


def number(text: str) -> float:
    """Convert a finite number >= 0."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text}. Expected a number >= 0.")
    return value


def image_size(text: str) -> ImageSize:
    """Convert ``32`` or ``64x128`` to an image size."""
    try:
        return parse_image_size(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text}. {IMAGE_SIZE_EXPECTED}") from None


def size(text: str) -> int:
    """Convert ``500MB``, ``5GB``, ``2GiB`` or bytes to bytes; 1 MB is a million."""
    return round(_positive(parse_size, text, "a size such as 500MB or 5GB"))


def _positive(parse: Callable[[str], float], text: str, expected: str) -> float:
    try:
        value = parse(text)
    except ValueError:
        value = 0.0
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text}. Expected {expected}.")
    return value


def add_study_files(parser: argparse._ActionsContainer) -> None:
    """Add the problem and the data of a study, for commands that run the problem's file."""
    space = "the problem's file, which is run; needed where no file near the study has the text that the study holds"
    parser.add_argument("--space", metavar="FILE", help=space)
    data = "the data set, where it is no longer in the place that the study keeps"
    parser.add_argument("--data", metavar="DATA", help=data)


def add_study(
    parser: argparse.ArgumentParser, kind: Callable[[str], Path] = absolute, default: str | None = DEFAULT_RESULTS
) -> None:
    """Add the study's folder to a command on a study: its first argument, or ``--results``.

    Args:
        parser: parser of the command.
        kind: converts the argument.
        default: the folder without either; None for a command that has none.
    """
    either = parser.add_mutually_exclusive_group()
    add_results(either, kind, default)  # first, as its default is that of both
    either.add_argument("results", nargs="?", type=kind, action=_IfGiven, metavar="STUDY", help="the study's folder")


def add_preference(parser: argparse._ActionsContainer, default: str = "that of the search") -> None:
    """Add the flag of the trial that a study chooses.

    Args:
        parser: a parser, or a group of its flags.
        default: the value without the flag, for the help.
    """
    chosen = "trial that is chosen: best; or small: the smallest network within one standard error of the best"
    parser.add_argument("--prefer", type=one_of(PREFERENCES), help=f"{chosen} (default: {default})")


class _IfGiven(argparse.Action):
    """Stores a positional argument; one that is left out does not replace the value of a flag of that name."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: Any = None) -> None:  # noqa: ARG002
        if values is not None:
            setattr(namespace, self.dest, values)


def add_results(
    parser: argparse._ActionsContainer, kind: Callable[[str], Path] = absolute, default: str | None = DEFAULT_RESULTS
) -> None:
    """Add the flag of the study's folder; see ``add_study``."""
    # A default that is a text is converted like a given one, and is shown as it stands in the help.
    parser.add_argument("--results", type=kind, default=default, metavar="DIR", help="the study's folder")
