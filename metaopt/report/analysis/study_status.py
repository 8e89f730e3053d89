"""State of a study: whether a search runs, how far it is, and its best trial."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from metaopt.errors import UserError
from metaopt.report.analysis.study_data import StudyData
from metaopt.storage.locking import is_searched
from metaopt.storage.study import JOURNAL, Study
from metaopt.terminal.commands import shown
from metaopt.trials.choice import score_standard_error
from metaopt.trials.trial import Trial

State = Literal["running", "completed", "interrupted"]

NOT_FULLY_TRAINED = "not fully trained"

_DEPTH = 3  # levels of folders below the given one in which studies are found


@dataclass(frozen=True)
class StudyStatus:
    """State of a study at one moment.

    Attributes:
        folder: the study's folder.
        state: ``running`` where a search holds its lock, ``completed`` where the latest run reached its goal, else
            ``interrupted``.
        subject: its data set or function.
        space: name or file of its space.
        strategy: name of its strategy.
        goal: number of trials of the study in all, or None before its first run.
        trials: state of a trial → number; imported ones apart. A trial that the search left at a rung is ``not fully
            trained`` once the search is over, and ``paused`` before.
        imported: number of imported trials.
        infeasible: number of trials that succeeded but violate a constraint.
        discarded: number of trials that a race over folds ended; they are among those completed.
        seconds: seconds of search over all runs.
        changed: time of the latest event, seconds since the epoch.
        objective: name of the objective.
        best: number of the best feasible trial, or None.
        score: its objective on validation images, with folds the mean over them.
        standard_error: standard error of the score, or None where it is unknown.
        constraints: constraints in force.
        bytes: size of its folder on disk.
    """

    folder: str
    state: State
    subject: str
    space: str
    strategy: str
    goal: int | None
    trials: dict[str, int]
    imported: int
    infeasible: int
    seconds: float
    changed: float
    objective: str
    best: int | None
    score: float | None
    constraints: tuple[str, ...]
    bytes: int
    discarded: int = 0
    standard_error: float | None = None

    @property
    def n_ended(self) -> int:
        """Number of own trials that ended or are paused."""
        return self.n_scored + self.trials.get("failed", 0)

    @property
    def n_scored(self) -> int:
        """Number of own trials with a score, among which the best one was chosen."""
        return sum(self.trials.get(state, 0) for state in ("completed", NOT_FULLY_TRAINED, "paused"))

    def to_json(self) -> dict[str, Any]:
        """Return the status as a dict for JSON."""
        return asdict(self)


def read_status(folder: Path) -> StudyStatus:
    """Return the status of a study; a search may be running on it.

    Raises:
        UserError: There is no study in the folder, or its journal is damaged.
    """
    study = Study.load(folder)
    data, state = StudyData.of(study), study.state
    own = [trial for trial in state.trials if trial.is_own]
    settings = study.settings
    best = study.best
    is_running = is_searched(folder, folder / JOURNAL)
    trials = Counter(map(_name_state, own))
    if not is_running and "running" in trials:
        trials["interrupted"] = trials.pop("running")
    return StudyStatus(
        folder=shown(folder),
        state="running" if is_running else "completed" if state.finished else "interrupted",
        subject=data.subject,
        space=str(study.header.get("problem", {}).get("name") or settings.get("space", "")),
        strategy=data.strategy,
        goal=settings["base"] + settings["trials"] if settings else None,
        trials=dict(trials),
        imported=sum(trial.imported for trial in state.trials),
        infeasible=sum(record.has_loss and not record.is_feasible for record in data.records),
        discarded=sum(record.discard is not None for record in data.records),
        seconds=state.clock,
        changed=(folder / JOURNAL).stat().st_mtime,
        objective=study.objective.name,
        best=None if best is None else best.trial,
        score=None if best is None or best.loss is None else study.objective.value(best.loss),
        standard_error=None if best is None else score_standard_error(best, data.n_validation),
        constraints=tuple(str(each) for each in study.constraints),
        bytes=_size(folder),
    )


def _name_state(trial: Trial) -> str:
    """Return the state of a trial for users."""
    if trial.status == "ok":
        return "completed" if trial.complete or trial.discard is not None else NOT_FULLY_TRAINED
    return "failed" if trial.status == "fail" else trial.status


def find_studies(folder: Path) -> Iterator[Path]:
    """Yield the folders of the studies in a folder and in those below it, without following links."""
    for path, folders, files in os.walk(folder):
        here = Path(path)
        if JOURNAL in files:
            folders.clear()
            yield here
            continue
        if len(here.relative_to(folder).parts) >= _DEPTH:
            folders.clear()
        folders[:] = sorted(name for name in folders if not name.startswith("."))


def read_statuses(folder: Path) -> tuple[list[StudyStatus], list[UserError]]:
    """Return the status of every study in a folder, and the errors of those that cannot be read."""
    statuses, errors = [], []
    for path in find_studies(folder):
        try:
            statuses.append(read_status(path))
        except UserError as error:
            errors.append(error)
    return statuses, errors


def _size(folder: Path) -> int:
    """Return the bytes of all files in a folder; a file that is removed meanwhile does not count."""
    total = 0
    for path, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(path, name)).st_size
            except FileNotFoundError:
                continue
    return total
