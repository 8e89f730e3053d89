"""An earlier study, and default points, as events of what is known before a search.

The journal keeps the points themselves, so a search resumes although the earlier study was removed.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from metaopt.errors import UserError
from metaopt.quantities import plural
from metaopt.spaces import Space, Vals
from metaopt.storage.importing import read_point
from metaopt.storage.journal import Event
from metaopt.storage.study import Study
from metaopt.terminal.commands import shown
from metaopt.trials.knowledge import Knowledge
from metaopt.trials.trial import Trial

_START_POINT = "start point "
_MOST_POINTS = 200  # of an earlier study: a model of more takes longer than it is worth


def study_event(folder: Path, space: Space, defaults: Mapping[str, Any], note: Callable[[str], None]) -> Event:
    """Return the event of an earlier study of the same space.

    Args:
        folder: folder of the study.
        space: space of the new study. Trials that are no points of it are left out.
        defaults: see ``Problem.defaults``.
        note: is told how many trials were left out.

    Raises:
        UserError: There is no readable study, or none of its trials is a point of the space and has a loss.
    """
    study = Study.load(folder)
    trials = [trial for trial in study.state.trials if _loss(trial) is not None]
    if not trials:
        raise UserError(f"The study in {shown(folder)} has no trial with a result to start from.", "start_from")
    points, misfit = [], None
    for trial in trials:
        try:
            vals = read_point(space, trial.point, defaults)
        except UserError as error:
            misfit = misfit or error
            continue
        points.append((_loss(trial), trial.results[-1].resource, dict(vals)))
    if not points:
        raise UserError(
            f"The study in {shown(folder)} is of another space, so no search of this one can start from it: {misfit}",
            "start_from",
        )
    if left_out := len(trials) - len(points):
        were = "was" if left_out == 1 else "were"
        note(f"{plural(left_out, 'trial')} of the study in {shown(folder)} {were} left out: {misfit}")
    points.sort(key=lambda each: each[:2])
    spread = points[_MOST_POINTS // 2 :]
    kept = points[: _MOST_POINTS // 2] + spread[:: max(1, math.ceil(len(spread) / (_MOST_POINTS // 2)))]
    return {
        "event": "known",
        "source": folder.name,
        "study": str(study.state.header.get("id") or folder.name),
        "resource": int(study.state.settings.get("epochs", 1)),
        "points": [{"vals": vals, "loss": loss, "resource": resource} for loss, resource, vals in kept],
    }


def default_event(points: Any, space: Space, defaults: Mapping[str, Any], source: str = "default") -> Event:
    """Return the event of a problem's default points.

    Args:
        points: one point, or a list of points.
        space: the space.
        defaults: see ``Problem.defaults``.
        source: where the points are from.

    Raises:
        UserError: One is no point of the space.
    """
    found = []
    for point in points if isinstance(points, list) else [points]:
        try:
            found.append({"vals": dict(read_point(space, point, defaults))})
        except UserError as error:
            raise UserError(f"A default point cannot be used. {error}") from error
    return {"event": "known", "source": source, "study": None, "resource": 1, "points": found}


def start_point_event(name: str, vals: Vals) -> Event:
    """Return the event of a point that the user asks to try first.

    Args:
        name: name of its file.
        vals: the point; one that was told before, even by another file, is tried once.
    """
    return {
        "event": "known",
        "source": f"{_START_POINT}{name}",
        "study": None,
        "resource": 1,
        "points": [{"vals": dict(vals)}],
    }


def is_known(event: Mapping[str, Any], knowledge: Sequence[Knowledge]) -> bool:
    """Return whether a study knows an event already: the earlier study, its default, or the same point of a file."""
    if event["study"] is not None:
        return any(each.study == event["study"] for each in knowledge)
    if not event["source"].startswith(_START_POINT):
        return any(each.source == event["source"] for each in knowledge)
    told = [point["vals"] for point in event["points"]]
    return any(each.study is None and [dict(point.vals) for point in each.points] == told for each in knowledge)


def _loss(trial: Trial) -> float | None:
    """Return the last loss of a trial; None without a finite one."""
    if not trial.results or not trial.results[-1].values:
        return None
    loss = trial.results[-1].values[0]
    return loss if math.isfinite(loss) else None
