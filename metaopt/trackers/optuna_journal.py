"""Tracker for Optuna: a journal that ``optuna-dashboard`` follows, with intermediate values and constraints."""

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from metaopt.exchange.optuna_storage import import_optuna, quiet_optuna
from metaopt.exchange.optuna_trials import ParameterTable
from metaopt.trackers.tracker import FOLDER, StartedTrial, TrackedStudy, Tracker, n_epochs
from metaopt.trials.objective import Metrics
from metaopt.trials.record import Record

NUMBER = "metaopt:trial"
"""Attribute of an Optuna trial: the number of the trial in the study."""

CONSTRAINTS = "constraints"
"""Attribute that both Optuna and its dashboard read; ``create_trial(constraints=…)`` is unknown to the dashboard."""


class OptunaTracker(Tracker):
    """Writes trials into a storage of Optuna while they train.

    A trial is running until it ends: complete, or pruned where it was stopped before its last epoch. One that pauses
    stays running, and is pruned when the search is over; should it resume then, that is a new trial of Optuna, as a
    pruned one cannot change.

    Args:
        study: the study.
        path: file of the journal; by default in the folder of the study.
        points: all points, where the space is not known.
    """

    name = "optuna"
    module = "optuna"
    requirements = "requirements.txt"

    def __init__(self, study: TrackedStudy, path: Path | None = None, points: Iterable[Any] = ()) -> None:
        super().__init__(study)
        self._path = path or study.folder / FOLDER / "optuna.log"
        self._open_trials: dict[int, int] = {}  # number → id of the running Optuna trial
        self._paused: dict[int, Record] = {}
        self._parameters = ParameterTable(study.space, points)

    def open(self, records: Sequence[Record]) -> None:
        """Open the storage; take up trials that an earlier run left running, and write those that it did not."""
        optuna = import_optuna()
        self._optuna, self._states = optuna, optuna.trial.TrialState
        self._path.parent.mkdir(parents=True, exist_ok=True)
        backend = optuna.storages.journal.JournalFileBackend(str(self._path))
        self._storage: Any = optuna.storages.JournalStorage(backend)
        directions = ["maximize" if each.maximised else "minimize" for each in self.study.objectives]
        with quiet_optuna(optuna), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # names of metrics are experimental
            shown = optuna.create_study(
                study_name=self.study.name, storage=self._storage, directions=directions, load_if_exists=True
            )
            shown.set_metric_names([each.name for each in self.study.objectives])
        self._study_id = self._storage.get_study_id_from_name(self.study.name)
        known = set()
        for trial in self._storage.get_all_trials(self._study_id, deepcopy=False):
            number = trial.user_attrs.get(NUMBER)
            known.add(number)
            if trial.state == self._states.RUNNING:
                self._open_trials[number] = trial._trial_id
        for record in records:
            if record.trial not in known:
                self.start(StartedTrial.of_record(record))
                for epoch in range(1, n_epochs(record) + 1):
                    self.epoch(record.trial, epoch, record.metrics(epoch), 0.0)
            if record.trial not in known or record.trial in self._open_trials:
                self.end(record)

    def start(self, trial: StartedTrial) -> None:
        """Create a running trial, unless it resumes one."""
        self._paused.pop(trial.number, None)
        if trial.number in self._open_trials:
            return
        params, distributions = self._parameters.describe(trial.vals, trial.point)
        attributes = {NUMBER: trial.number, "params": trial.params, "macs": trial.macs, "parent": trial.parent}
        template = self._optuna.trial.create_trial(
            state=self._states.RUNNING,
            params=params,
            distributions=distributions,
            user_attrs={name: value for name, value in attributes.items() if value is not None},
        )
        self._open_trials[trial.number] = self._storage.create_new_trial(self._study_id, template_trial=template)

    def epoch(self, trial: int, epoch: int, metrics: Metrics, seconds: float) -> None:  # noqa: ARG002
        """Report the objective of an epoch as an intermediate value."""
        objective = self.study.objectives[0]
        if trial in self._open_trials and objective.name in metrics:
            self._storage.set_trial_intermediate_value(self._open_trials[trial], epoch, metrics[objective.name])

    def end(self, record: Record) -> None:
        """Complete a trial, or keep it running while it pauses."""
        if record.paused:
            self._paused[record.trial] = record
            return
        if self.study.values(record):
            self._finish(record, self._states.COMPLETE if record.complete else self._states.PRUNED)
        else:
            self._finish(record, self._states.FAIL)

    def reject(self, trial: int) -> None:
        """Let a trial that was none fail."""
        if (identity := self._open_trials.pop(trial, None)) is not None:
            self._storage.set_trial_state_values(identity, self._states.FAIL)

    def close(self, is_finished: bool) -> None:
        """Prune the trials that are paused, if the search is over."""
        if is_finished:
            for record in list(self._paused.values()):
                self._finish(record, self._states.PRUNED)

    def _finish(self, record: Record, state: Any) -> None:
        self._paused.pop(record.trial, None)
        identity = self._open_trials.pop(record.trial, None)
        if identity is None:
            return
        if record.constraints and self.study.constraints:
            distances = [float(record.constraints.get(text, 0.0)) for text in self.study.constraints]
            self._storage.set_trial_system_attr(identity, CONSTRAINTS, distances)
        about = {
            **{"epochs": record.epochs, "best_epoch": record.best_epoch, "seconds": record.seconds},
            **{"params": record.params, "macs": record.macs, "device": record.device, "error": record.error},
        }
        for name, value in about.items():
            if value is not None:
                self._storage.set_trial_user_attr(identity, name, value)
        # A pruned trial has its last intermediate value.
        values = list(self.study.values(record).values()) if state == self._states.COMPLETE else None
        self._storage.set_trial_state_values(identity, state, values)
