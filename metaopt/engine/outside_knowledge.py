"""Knowledge from before a run: default points, ranks of earlier studies, and their trials that are imported."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from metaopt.engine.callbacks import Callback
from metaopt.engine.carrying_over import NewStudy, carried_events
from metaopt.problems.problem import Problem
from metaopt.problems.published_points import published_point
from metaopt.quantities import plural
from metaopt.spaces import compile_space
from metaopt.storage.importing import without_doubles
from metaopt.storage.known_study import default_event, is_known, study_event
from metaopt.storage.state import StudyState
from metaopt.storage.study import Study
from metaopt.storage.writer import StudyWriter


def take_in(study: StudyWriter, knowledge: Sequence[Mapping[str, Any]], callback: Callback) -> None:
    """Append what is known before a run to the journal, each study and each of its trials once.

    Args:
        study: the study, open for writing.
        knowledge: events, see ``find_knowledge``.
        callback: is told how many trials were imported.
    """
    carried = [dict(event) for event in knowledge if event["event"] == "imported"]
    unseen = without_doubles([carried], study.state.trials, study.state.judge)
    for trial in unseen:
        study.import_trial(trial)
    if unseen:
        callback.note(f"{plural(len(unseen), 'trial')} of the earlier study taken over as imported.")
    for event in knowledge:
        if event["event"] == "known" and not is_known(event, study.state.knowledge):
            study.append(dict(event))


def find_knowledge(
    problem: Problem,
    folders: Sequence[Path],
    state: StudyState,
    callback: Callback,
    *,
    published: bool = False,
    new: NewStudy | None = None,
) -> list[dict[str, Any]]:
    """Return the events of what is known before a run: a problem's default points, and earlier studies.

    Where the trials of an earlier study are measurements of the new one, they are imported; of others the ranks count.

    Args:
        problem: the problem.
        folders: folders of earlier studies of the same space, or of one that contains it.
        state: the study so far. Default points are told before its first trial only.
        callback: is told how many points of a study are none of the space.
        published: whether the published point of a ready problem is its default point; it has no other.
        new: the new study; None where trials of earlier ones are never measurements of it.

    Raises:
        UserError: a default point is none of the space, there is no such study of the space, or the problem has no
            published point.
    """
    source, points = ("published", published_point(problem.name)) if published else ("default", problem.default)
    tells_points = points is not None and not state.has_begun
    if not tells_points and not folders:
        return []
    space = compile_space(problem.space)
    found = [default_event(points, space, problem.defaults, source)] if tells_points else []
    for folder in folders:
        carried = [] if new is None else carried_events(Study.load(folder), new, callback.note)
        found += carried or [study_event(folder, space, problem.defaults, callback.note)]
    return found
