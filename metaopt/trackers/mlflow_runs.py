"""Tracker for MLflow: a parent run for the study, and a child run for each trial."""

import logging
import os
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from metaopt.exchange.flat_points import flatten, unescape, write_cell
from metaopt.trackers.tracker import FOLDER, StartedTrial, Tracker
from metaopt.trials.objective import Metrics
from metaopt.trials.record import Record

TRIAL, STUDY = "metaopt.trial", "metaopt.study"
"""Tags of the runs: number of the trial; id of the study."""

_URI = "MLFLOW_TRACKING_URI"
_INVALID = re.compile(r"[^/\w.\- ]")  # characters that names of parameters and metrics cannot have
_LONGEST_VALUE = 500
_MOST_PARAMS = 100  # of one request
_CHATTY = ("alembic", "mlflow")  # loggers that print each step of the creation of a store


class MlflowTracker(Tracker):
    """Writes runs to the server of ``MLFLOW_TRACKING_URI``, or to a SQLite store in the folder of the study."""

    name = "mlflow"
    module = "mlflow"
    requirements = "requirements-mlflow.txt"

    def open(self, records: Sequence[Record]) -> None:
        """Open the store; find the runs of an earlier part of the search, and write the trials that it did not."""
        import mlflow
        from mlflow.entities import Metric, Param

        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.ERROR)
        self._metric, self._param = Metric, Param
        folder = self.study.folder / FOLDER / "mlflow"
        is_local = not os.environ.get(_URI)
        if is_local:
            folder.mkdir(parents=True, exist_ok=True)
        uri = f"sqlite:///{folder / 'mlflow.db'}" if is_local else os.environ[_URI]
        self._client: Any = mlflow.MlflowClient(tracking_uri=uri)
        found = self._client.get_experiment_by_name(self.study.name)
        place = {"artifact_location": (folder / "artifacts").as_uri()} if is_local else {}
        self._experiment = found.experiment_id if found else self._client.create_experiment(self.study.name, **place)
        runs = self._search(f"tags.`{STUDY}` = '{self.study.id}'")
        self._runs = {int(run.data.tags[TRIAL]): run.info.run_id for run in runs if TRIAL in run.data.tags}
        parents = [run.info.run_id for run in runs if TRIAL not in run.data.tags]
        self._parent = parents[0] if parents else self._create(self.study.name, {})
        self._client.update_run(self._parent, status="RUNNING")
        if not parents:
            self._log_params(self._parent, self.study.settings)
        for record in records:
            if record.trial not in self._runs:
                self.catch_up(record)

    def start(self, trial: StartedTrial) -> None:
        """Begin a run, or resume it."""
        if trial.number in self._runs:
            self._client.update_run(self._runs[trial.number], status="RUNNING")
            return
        tags = {TRIAL: str(trial.number), "mlflow.parentRunId": self._parent}
        run = self._runs[trial.number] = self._create(f"trial {trial.number}", tags)
        counts = {"params": trial.params, "macs": trial.macs, "parent": trial.parent}
        known = {name: value for name, value in counts.items() if value is not None}
        self._log_params(run, {**{unescape(path): value for path, value in flatten(trial.point).items()}, **known})

    def epoch(self, trial: int, epoch: int, metrics: Metrics, seconds: float) -> None:
        """Log the metrics of an epoch."""
        if trial in self._runs:
            self._log_metrics(self._runs[trial], {**metrics, "epoch_seconds": seconds} if seconds else metrics, epoch)

    def end(self, record: Record) -> None:
        """Log the result, and end the run; that of a paused trial is resumed by its next start."""
        run = self._runs.get(record.trial)
        if run is None:
            return
        values = {f"result.{name}": value for name, value in self.study.values(record).items()}
        self._log_metrics(run, {**values, "seconds": record.seconds, "violation": record.violation}, record.epochs)
        if record.error:
            self._client.set_tag(run, "error", record.error[:_LONGEST_VALUE])
        self._client.set_tag(run, "metaopt.paused", str(record.paused).lower())
        self._client.set_terminated(run, "FINISHED" if record.status == "ok" else "FAILED")

    def reject(self, trial: int) -> None:
        """End the run of a trial that was none."""
        if (run := self._runs.pop(trial, None)) is not None:
            self._client.set_terminated(run, "KILLED")

    def close(self, is_finished: bool) -> None:
        """End the run of the study."""
        self._client.set_terminated(self._parent, "FINISHED" if is_finished else "KILLED")

    def _create(self, name: str, tags: Mapping[str, str]) -> str:
        tags = {**tags, STUDY: self.study.id}
        return str(self._client.create_run(self._experiment, run_name=name, tags=tags).info.run_id)

    def _search(self, query: str) -> list[Any]:
        found, token = [], None
        while True:
            page = self._client.search_runs([self._experiment], query, max_results=1000, page_token=token)
            found += list(page)
            token = page.token
            if not token:
                return found

    def _log_params(self, run: str, values: Mapping[str, Any]) -> None:
        texts = {_INVALID.sub("_", name): write_cell(value)[:_LONGEST_VALUE] for name, value in values.items()}
        params = [self._param(name, text) for name, text in texts.items()]
        for start in range(0, len(params), _MOST_PARAMS):
            self._client.log_batch(run, params=params[start : start + _MOST_PARAMS])

    def _log_metrics(self, run: str, values: Mapping[str, float], step: int) -> None:
        now = int(1000 * time.time())
        metrics = [self._metric(_INVALID.sub("_", name), float(value), now, step) for name, value in values.items()]
        self._client.log_batch(run, metrics=metrics)
