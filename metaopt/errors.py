"""Errors that a user can cause, each with the exit code that the command ends with.

A message is one sentence: what was wrong, where, and what to do. Anything else that is raised is a bug of ours and
keeps its traceback (exit code 1).
"""


class UserError(Exception):
    """Wrong usage or input, a locked or a damaged study; the command prints the message and no traceback."""

    exit_code = 2


class StudyMismatch(UserError):
    """The study belongs to another space, network, data set, objective, number of folds, budget or seed."""

    exit_code = 3


class NoTrialSucceeded(UserError):
    """Every trial of the search failed."""

    exit_code = 4


class NoneFeasible(UserError):
    """Trials succeeded, but none keeps the limits."""

    exit_code = 5


class ResultsNotWritable(UserError):
    """The study's folder cannot be written: read-only, or the disk is full."""

    exit_code = 6
