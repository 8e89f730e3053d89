"""Argument types and a parser that says in one line what was wrong, with the nearest right word."""

import argparse
import difflib
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from metaopt.errors import UserError

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?")
_BYTES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Shows a default where there is one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in (None, False) else super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """An ``ArgumentParser`` whose errors are ``UserError``, so that they look like all others."""

    def __init__(self, **options: Any):
        super().__init__(allow_abbrev=False, formatter_class=_Help, argument_default=None, **options)

    def error(self, message: str) -> NoReturn:
        """Raises the message, with the nearest flag for one that is unknown."""
        unknown = re.match(r"unrecognized arguments: (--[\w-]+)", message)
        if unknown:
            flags = [flag for action in self._actions for flag in action.option_strings]
            message = f"{unknown[1]} is unknown{_hint(unknown[1], flags)}"
        raise UserError(f"{message} (see {self.prog} --help).")


def one_of(names: Sequence[str]) -> Callable[[str], str]:
    """A type that admits these names."""

    def check(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(f"{text} is unknown{_hint(text, names)}")
        return text

    return check


def whole(least: int) -> Callable[[str], int]:
    """A type for whole numbers from ``least`` on."""

    def check(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(f"{text} is no whole number from {least} on")
        return number

    return check


def duration(text: str) -> float:
    """``90s``, ``30m``, ``2h``, ``1d`` or seconds, as seconds."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or float(match[1]) == 0:
        raise argparse.ArgumentTypeError(f"{text} is no duration; write e.g. 90s, 30m or 2h")
    return float(match[1]) * _UNITS[match[2]]


def share(text: str) -> float:
    """A number from 0 to 1, 1 excluded."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number from 0 to 1")
    return number


def number(text: str) -> float:
    """A number from 0 on."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no number from 0 on")
    return value


def size(text: str) -> int:
    """``500MB``, ``5GB`` or bytes, as bytes; 1 MB is a million."""
    match = _SIZE.fullmatch(text.strip().upper())
    if match is None or float(match[1]) == 0:
        raise argparse.ArgumentTypeError(f"{text} is no size; write e.g. 500MB or 5GB")
    return round(float(match[1]) * _BYTES[match[2]])


def add_results(parser: argparse._ActionsContainer) -> None:
    """The study's folder, an argument of every command."""
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="DIR", help="the study's folder")


def _hint(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; choose one of {', '.join(known)}"
