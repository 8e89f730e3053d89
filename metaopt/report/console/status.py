"""State of studies as text, for ``metaopt status`` and ``metaopt list``."""

from collections.abc import Sequence
from pathlib import Path

from metaopt.quantities import plural, size_text
from metaopt.report.analysis.study_status import StudyStatus
from metaopt.report.formatting import format_duration, metric_label
from metaopt.terminal.commands import command
from metaopt.trials.constraints import parse_constraint

_COLUMNS = ("study", "state", "trials", "best", "objective", "strategy", "subject", "last change")


def describe_status(status: StudyStatus, now: float) -> list[str]:
    """Return the lines about one study.

    Args:
        status: its state.
        now: the time, seconds since the epoch.
    """
    rows = {
        "study": status.folder,
        "state": f"{status.state}, last change {_ago(status, now)}",
        "search": " · ".join(filter(None, (status.strategy, status.subject, f"space {status.space}"))),
        "trials": _trials(status),
        "limits": ", ".join(parse_constraint(text).label for text in status.constraints) or "none",
        "time": f"{format_duration(status.seconds)} of search",
        "best": _best(status),
        "disk": size_text(status.bytes),
        "next": _next(status),
    }
    return [f"{name:<7} {text}" for name, text in rows.items()]


def describe_list(statuses: Sequence[StudyStatus], now: float) -> list[str]:
    """Return a table of studies, the one that changed last first.

    Args:
        statuses: their states.
        now: the time, seconds since the epoch.
    """
    rows = [
        (
            status.folder,
            status.state,
            _progress(status),
            "–" if status.score is None else f"{status.score:.4f}",
            status.objective,
            status.strategy,
            status.subject,
            _ago(status, now),
        )
        for status in sorted(statuses, key=lambda each: -each.changed)
    ]
    widths = [max(map(len, column)) for column in zip(_COLUMNS, *rows, strict=True)]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (_COLUMNS, *rows)
    ]


def _progress(status: StudyStatus) -> str:
    """Return the trials that ended, and of how many; a study may have more than its goal."""
    if status.goal is None or status.n_ended > status.goal:
        return str(status.n_ended)
    return f"{status.n_ended} of {status.goal}"


def _trials(status: StudyStatus) -> str:
    parts = [f"{number} {state}" for state, number in sorted(status.trials.items())]
    parts += [f"{status.discarded} discarded after their first folds"] if status.discarded else []
    parts += [f"{status.infeasible} infeasible"] if status.infeasible else []
    parts += [f"{status.imported} imported"] if status.imported else []
    return f"{_progress(status)}{': ' if parts else ''}{', '.join(parts)}"


def _best(status: StudyStatus) -> str:
    if status.best is None or status.score is None:
        return "none yet"
    n_scores = status.n_scored
    if status.subject.startswith("function "):  # its loss may be exact
        of = f"the best of {plural(n_scores, 'trial')}"
    elif n_scores > 1:
        of = f"the best of {plural(n_scores, 'validation score')}, therefore optimistic"
    else:
        of = "one score"
    error = "" if status.standard_error is None else f" ± {status.standard_error:.4f}"
    return f"trial {status.best}, {metric_label(status.objective)} {status.score:.4f}{error} ({of})"


def _next(status: StudyStatus) -> str:
    """Return what to do with the study."""
    folder = Path(status.folder)
    if status.state == "running":
        return f"`{command('report', results=folder)}` draws what it has found so far"
    if status.state == "interrupted":
        if status.subject.startswith("function"):
            return "call metaopt.search again to resume it"
        return f"`{command('search', results=folder)}` resumes it"
    if status.best is None:
        return "no trial is eligible: loosen the constraints, or search again"
    return f"`{command('best', results=folder)}` and `{command('report', results=folder)}`"


def _ago(status: StudyStatus, now: float) -> str:
    return f"{format_duration(max(0.0, now - status.changed))} ago"
