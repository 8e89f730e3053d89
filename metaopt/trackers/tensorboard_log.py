"""Tracker for TensorBoard: a run for each trial with its curves, and the HParams dashboard."""

from collections.abc import Sequence
from pathlib import Path

from metaopt.terminal.printable import printable
from metaopt.trackers.tracker import FOLDER, StartedTrial, TrackedStudy, Tracker, n_epochs
from metaopt.training.event_file import EventFile, flatten_point
from metaopt.trials.objective import Metrics
from metaopt.trials.record import Record


class TensorBoardTracker(Tracker):
    """Writes event files, which ``tensorboard --logdir`` follows.

    Args:
        study: the study.
        folder: folder of the runs; by default in that of the study.
    """

    name = "tensorboard"
    module = "tensorboard"
    requirements = "requirements.txt"

    def __init__(self, study: TrackedStudy, folder: Path | None = None) -> None:
        super().__init__(study)
        self._folder = folder or study.folder / FOLDER / "tensorboard"
        self._files: dict[int, EventFile] = {}
        self._paused: dict[int, Record] = {}

    def open(self, records: Sequence[Record]) -> None:
        """Write the trials of a study that were not written before."""
        for record in records:
            if not self._run(record.trial).exists():
                self.start(StartedTrial.of_record(record))
                for epoch in range(1, n_epochs(record) + 1):
                    self.epoch(record.trial, epoch, record.metrics(epoch), 0.0)
                self.end(record)

    def start(self, trial: StartedTrial) -> None:
        """Begin an event file."""
        self._paused.pop(trial.number, None)
        if trial.number not in self._files:
            self._files[trial.number] = EventFile(self._run(trial.number))

    def epoch(self, trial: int, epoch: int, metrics: Metrics, seconds: float) -> None:
        """Write the metrics of an epoch."""
        file = self._files.get(trial)
        if file is not None:
            file.scalars({printable(name): value for name, value in metrics.items()}, epoch)
            if seconds:
                file.scalars({"epoch_seconds": seconds}, epoch)
            file.flush()

    def end(self, record: Record) -> None:
        """Write the hyperparameters and the result; those of a paused trial at the end of the run."""
        if record.paused:
            self._paused[record.trial] = record
        else:
            self._finish(record)

    def reject(self, trial: int) -> None:
        """Close the file."""
        if (file := self._files.pop(trial, None)) is not None:
            file.__exit__()

    def close(self, is_finished: bool) -> None:  # noqa: ARG002
        """Write the trials that are paused."""
        for record in list(self._paused.values()):
            self._finish(record)
        for trial in list(self._files):
            self.reject(trial)

    def _finish(self, record: Record) -> None:
        file = self._files.pop(record.trial, None) or EventFile(self._run(record.trial))
        self._paused.pop(record.trial, None)
        metrics = {f"result/{printable(name)}": value for name, value in self.study.values(record).items()}
        counts = {f"result/{name}": getattr(record, name) for name in ("params", "macs", "seconds")}
        metrics |= {name: float(value) for name, value in counts.items() if value is not None}
        with file:
            point = {printable(name): value for name, value in flatten_point(record.point).items()}
            file.hyperparameters(point, metrics)

    def _run(self, trial: int) -> Path:
        return self._folder / f"{trial:06d}"
