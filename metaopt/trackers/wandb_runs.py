"""Tracker for Weights & Biases: a run for each trial, in the group of its study; offline where nobody is logged in."""

import netrc
import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlparse

from metaopt.trackers.tracker import FOLDER, StartedTrial, Tracker
from metaopt.trials.objective import Metrics
from metaopt.trials.record import Record

_MODE, _KEYS, _HOST = "WANDB_MODE", ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE"), "api.wandb.ai"


class WandbTracker(Tracker):
    """Writes runs to the server, or below the folder of the study, from where ``wandb sync`` sends them.

    Project and entity are those of ``WANDB_PROJECT`` and ``WANDB_ENTITY``; the project is else named after the study.
    The run of a paused trial ends, and resumes under its id.
    """

    name = "wandb"
    module = "wandb"
    requirements = "requirements-wandb.txt"

    def open(self, records: Sequence[Record]) -> None:
        """Write the trials of a study that this tracker did not follow from its beginning."""
        import wandb

        self._wandb = wandb
        self._folder = self.study.folder / FOLDER
        self._folder.mkdir(parents=True, exist_ok=True)
        self._mode = os.environ.get(_MODE) or ("online" if is_logged_in() else "offline")
        self._runs: dict[int, Any] = {}
        marks = self._folder / "wandb_trials.txt"
        self._marks = marks
        known = set(marks.read_text().split()) if marks.exists() else set()
        for record in records:
            if str(record.trial) not in known:
                self.catch_up(record)

    def start(self, trial: StartedTrial) -> None:
        """Begin a run, or resume it."""
        if trial.number in self._runs:
            return
        settings = self._wandb.Settings(silent=True, console="off", disable_git=True, disable_code=True)
        counts = {"params": trial.params, "macs": trial.macs, "parent": trial.parent}
        config = {"point": trial.point, **{name: value for name, value in counts.items() if value is not None}}
        self._runs[trial.number] = self._wandb.init(
            project=os.environ.get("WANDB_PROJECT") or self.study.name,
            group=self.study.name,
            job_type="trial",
            name=f"{self.study.name} trial {trial.number}",
            id=f"{self.study.id[:12]}-{trial.number}",
            resume="allow" if self._mode == "online" else None,
            reinit="create_new",
            dir=str(self._folder),
            mode=self._mode,
            config=config,
            settings=settings,
        )
        with self._marks.open("a") as file:
            file.write(f"{trial.number}\n")

    def epoch(self, trial: int, epoch: int, metrics: Metrics, seconds: float) -> None:
        """Log the metrics of an epoch."""
        if trial in self._runs:
            timed = {"epoch_seconds": seconds} if seconds else {}
            self._runs[trial].log({**metrics, "epoch": epoch, **timed}, step=epoch)

    def end(self, record: Record) -> None:
        """Log the result, and end the run."""
        run = self._runs.pop(record.trial, None)
        if run is None:
            return
        values = {f"result.{name}": value for name, value in self.study.values(record).items()}
        about = {"epochs": record.epochs, "seconds": record.seconds, "feasible": record.is_feasible}
        run.summary.update({**values, **about, "paused": record.paused, "error": record.error or ""})
        run.finish(exit_code=0 if record.status == "ok" else 1)

    def reject(self, trial: int) -> None:
        """End the run of a trial that was none."""
        if (run := self._runs.pop(trial, None)) is not None:
            run.finish(exit_code=1)

    def close(self, is_finished: bool) -> None:  # noqa: ARG002
        """End the runs of trials that were interrupted."""
        for trial in list(self._runs):
            self.reject(trial)


def is_logged_in() -> bool:
    """Return whether there are credentials, so that nothing asks for them at the terminal."""
    if any(os.environ.get(name) for name in _KEYS):
        return True
    host = urlparse(os.environ.get("WANDB_BASE_URL", "")).hostname or _HOST
    try:
        return netrc.netrc().authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
