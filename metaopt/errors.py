"""Errors that a user can cause, each with the exit code of the command.

A message is short: what was wrong, where, and what to do. Any other exception is a bug of metaopt and keeps its
traceback (exit code 1).
"""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Wrong usage or input, a locked or a damaged study; the command prints the message without a traceback.

    Args:
        message: names parameters as a Python caller knows them, e.g. ``checkpoint_quota``.
        parameters: parameters that the message names; the command shows their flags instead.
    """

    exit_code = 2

    def __init__(self, message: str = "", *parameters: str) -> None:
        super().__init__(message, *parameters)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Parameters that the message names."""
        return tuple(self.args[1:])

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class Note(str):
    """Text for the user that names parameters; the command shows their flags instead, as in a ``UserError``."""

    parameters: tuple[str, ...]

    def __new__(cls, text: str, *parameters: str) -> "Note":
        """Return the text with its parameters.

        Args:
            text: the text.
            parameters: parameters that it names.
        """
        note = super().__new__(cls, text)
        note.parameters = parameters
        return note


def invalid_value(parameter: str, value: object, expected: str) -> UserError:
    """Return the error for a value that a parameter does not accept.

    Args:
        parameter: its name, e.g. ``"folds"``.
        value: the value that was given.
        expected: the accepted range, e.g. ``"Expected an integer >= 1."``.
    """
    return UserError(f"Invalid value for {parameter}: {value}. {expected}", parameter)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most similar to a word, or None if none is similar."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1)), None)


def hint(word: str, known: Iterable[str]) -> str:
    """Return a sentence with the nearest of the known words, or with all of them."""
    known = list(known)
    near = nearest(word, known)
    return f"Expected one of {', '.join(known)}." if near is None else f"Did you mean {near}?"


class StudyMismatch(UserError):
    """The study belongs to another space, network, data set, objective, number of folds, budget or seed."""

    exit_code = 3


class NoTrialSucceeded(UserError):
    """Every trial of the search failed."""

    exit_code = 4


class NoneFeasible(UserError):
    """Trials succeeded, but none meets the constraints."""

    exit_code = 5


class ConstraintViolated(UserError):
    """The exported model violates a constraint on the test images, or in its size."""

    exit_code = 5


class EnvironmentFault(UserError):
    """Data, disk or memory of the machine failed, not a network: its trial is interrupted and resumes."""

    exit_code = 6


class QuotaTooSmall(EnvironmentFault):
    """The quota of checkpoints holds not even one trial, which resumes under a larger one."""

    exit_code = 2


class ResultsNotWritable(EnvironmentFault):
    """The study's folder cannot be written: read-only, or the disk is full."""
