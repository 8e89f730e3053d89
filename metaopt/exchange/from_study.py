"""Trials of another study as events that import them."""

from collections.abc import Callable, Mapping
from typing import Any

from metaopt.engine.carrying_over import NewStudy, imported_event
from metaopt.errors import StudyMismatch, UserError
from metaopt.quantities import plural
from metaopt.storage.importing import read_point
from metaopt.storage.journal import Event
from metaopt.storage.study import Study
from metaopt.terminal.commands import shown


def study_events(study: Study, new: NewStudy, defaults: Mapping[str, Any], note: Callable[[str], None]) -> list[Event]:
    """Return an event for each trial of another study that was trained to its end, or failed.

    Args:
        study: the other study.
        new: the study that they are imported into.
        defaults: see ``Problem.defaults``.
        note: is told what differs between the studies, and how many trials are left out.

    Raises:
        StudyMismatch: It has other data.
        UserError: None of its trials is a point of the space.
    """
    differences = new.find_differences(study)
    if "data" in differences and study.header["fingerprint"].get("data"):  # a Python function has none
        raise StudyMismatch(
            f"The study in {shown(study.folder)} was searched on other data, so its scores are no measurements of this"
            " study. To try its best points first, start the search with it: start_from.",
            "start_from",
        )
    if differences:
        note(
            f"The trials of {shown(study.folder)} are imported as they are, although its {' and '.join(differences)}"
            f" {'differs' if len(differences) == 1 else 'differ'}."
        )
    events: list[Event] = []
    partial, misfit, outside = 0, None, 0
    for trial in study.state.trials:
        is_whole = trial.forked_from is None and (trial.status == "fail" or (trial.status == "ok" and trial.complete))
        if not is_whole:
            partial += trial.status != "rejected"
            continue
        try:
            vals = read_point(new.space, trial.point, defaults)
        except UserError as error:
            misfit, outside = misfit or error, outside + 1
            continue
        events.append(
            {key: value for key, value in imported_event(study, trial, vals, new.space).items() if key != "event"}
        )
    if misfit is not None and not events:
        raise UserError(f"The study in {shown(study.folder)} is of another space: {misfit}")
    if misfit is not None:
        note(f"{plural(outside, 'trial')} of {shown(study.folder)} left out: {misfit}")
    if partial:
        note(f"{plural(partial, 'trial')} of {shown(study.folder)} left out: not trained to the end.")
    return events
