"""Trials of an earlier study that are measurements of a new one, as events that import them.

The two studies may have different spaces, such as one and its narrower successor, but the same data, objective, folds,
budget and training. Other studies tell no more than ranks, see ``metaopt.storage.known_study``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from metaopt.engine.settings import Settings
from metaopt.errors import UserError
from metaopt.guard.guard import Guard
from metaopt.problems.source_digest import code_digest
from metaopt.quantities import plural
from metaopt.spaces import Space, Vals
from metaopt.storage.importing import identity, read_point
from metaopt.storage.journal import Event
from metaopt.storage.study import Study
from metaopt.terminal.commands import shown
from metaopt.trials.trial import Trial
from metaopt.values.json_values import to_json_value

# Parts of the fingerprint and settings that decide the score of a network; the network itself is compared by trial.
_FINGERPRINT = {
    "data": "data",
    "objective": "objective",
    "folds": "folds",
    "repeats": "repeats",
    "budget": "rungs",
    "function": "function",
}
_SETTINGS = ("epochs", "budget_unit", "schedule", "first_cycle_s", "cycle_factor", "augment", "split_seed")


@dataclass(frozen=True)
class NewStudy:
    """Properties of a new study that decide whether the trial of another one is a measurement of it.

    Attributes:
        fingerprint: of the new study, see ``study_fingerprint``.
        settings: its settings.
        guard: builds and judges its networks.
        space: its space.
    """

    fingerprint: Mapping[str, str]
    settings: Settings
    guard: Guard
    space: Space

    def find_differences(self, study: Study) -> list[str]:
        """Return in words why another study does not score equal networks equally; empty where it does."""
        theirs, settings = study.header["fingerprint"], study.settings
        found = [words for name, words in _FINGERPRINT.items() if theirs.get(name) != self.fingerprint.get(name)]
        for name in _SETTINGS:
            if settings.get(name, getattr(Settings, name)) != getattr(self.settings, name):
                found.append(name)
        if not (self.guard.problem.has_blueprint or study.holds_network(code_digest(self.guard.problem.code))):
            found.append("code of the network")
        return found

    def has_same_network(self, trial: Trial, vals: Vals) -> bool:
        """Return whether a trial trained the network, with the training settings, that its values give here."""
        if not self.guard.problem.has_blueprint:
            return True
        verdict = self.guard.judge(self.space.point(vals), set(), vals)
        return verdict.reason is None and verdict.network["signature"] == trial.proposal.get("signature")


def carried_events(study: Study, new: NewStudy, note: Callable[[str], None]) -> list[Event]:
    """Return an ``imported`` event for each trial of a study that is a measurement of a new one.

    Only trials that were fully trained from their own initial weights count, and those that failed.

    Args:
        study: the earlier study.
        new: the new study.
        note: is told how many trials are left out.
    """
    if study.holds_space(new.space):
        return []
    if differences := new.find_differences(study):
        note(
            f"Only ranks are learnt from {shown(study.folder)}, and no trial is imported: its"
            f" {' and '.join(differences)} {'is' if len(differences) == 1 else 'are'} not that of this search."
        )
        return []
    events, outside, partial = [], 0, 0
    for trial in study.state.trials:
        if not trial.is_settled or trial.status == "rejected":
            partial += trial.status == "paused"
            continue
        if trial.forked_from is not None or (trial.status == "ok" and not trial.complete):
            partial += 1
            continue
        try:
            vals = read_point(new.space, trial.point, new.guard.problem.defaults)
            is_inside = new.has_same_network(trial, vals)
        except UserError:
            is_inside = False
        if is_inside:
            events.append(imported_event(study, trial, vals, new.space))
        outside += not is_inside
    if events and outside + partial:
        reasons = [f"{outside} outside the space or its limits"] if outside else []
        reasons += [f"{partial} not fully trained"] if partial else []
        note(f"{plural(outside + partial, 'trial')} of {shown(study.folder)} not taken over: {', '.join(reasons)}.")
    return events


def imported_event(study: Study, trial: Trial, vals: Vals, space: Space) -> Event:
    """Return the event that imports a settled trial of another study, with its values in the new space."""
    is_ok = trial.status == "ok"
    result: dict[str, Any] = dict(trial.returned) if is_ok else {}
    return {
        "event": "imported",
        "source": f"{study.folder.resolve().name}, trial {trial.number}",
        "vals": dict(vals),
        "point": to_json_value(space.point(vals)),
        "status": trial.status,
        "epochs": trial.epochs,
        "metrics": trial.metrics,
        "seconds": trial.seconds,
        "result": result,
        "identity": identity(vals, trial.latest(study.state.judge).loss if is_ok else None),
    }
