"""Study reader: trials, records and the best trial, whether or not a search is running on it."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hyperopt

from metaopt.errors import NoneFeasible, NoTrialSucceeded, UserError
from metaopt.files.atomic_files import fit_name
from metaopt.problems.source_digest import code_digest, network_code
from metaopt.spaces import Space
from metaopt.storage.journal import Scan
from metaopt.storage.record_files import record_files
from metaopt.storage.results_pickle import make_trials
from metaopt.storage.state import StudyState
from metaopt.terminal.commands import absolute, command, shown
from metaopt.trials.choice import BEST, choose_record, explain_choice
from metaopt.trials.constraints import Constraint
from metaopt.trials.objective import Objective
from metaopt.trials.record import (
    Record,
    best_imported_record,
    front_records,
    knee_record,
    make_record,
    nearest_record,
)
from metaopt.trials.trial import Trial

JOURNAL = "journal.jsonl"


def pickle_path(folder: Path) -> Path:
    """``results`` → ``results.pkl``, beside the folder."""
    folder = folder if folder.name not in ("", "..") else folder.resolve()  # such as `.`, which has no name
    return folder.with_name(fit_name(folder.name, ".pkl", folder.parent))


def stored_path(path: str, folder: Path) -> str:
    """Return a path of this machine as a study keeps it: relative to the study's folder, so that both can be moved.

    A path that has nothing but the root in common with the folder is kept as it is.
    """
    here, there = os.path.realpath(folder), os.path.realpath(path)
    try:
        common = os.path.commonpath([here, there])
    except ValueError:  # on another drive
        return path
    return path if common == Path(common).anchor else Path(os.path.relpath(there, here)).as_posix()


def found_path(stored: str, folder: Path) -> Path:
    """Return a path that a study keeps, see ``stored_path``, as an absolute one."""
    return Path(os.path.normpath(Path(os.path.realpath(folder)) / stored))


def read_begun(folder: Path) -> StudyState:
    """Return the state of the study that a search in a folder resumes.

    It is empty where there is no study, and where no trial of one was trained: its settings bind nobody.
    """
    state = StudyState.replay(Scan(folder / JOURNAL))
    return state if state.has_begun else StudyState()


def lost_journal(folder: Path) -> UserError:
    """Return the error for a folder that holds records of trials but no journal."""
    path = folder / JOURNAL
    state = "is empty or begins with an incomplete line" if path.exists() else "is missing"
    return UserError(
        f"{shown(folder)} holds records of trials, but its journal {shown(path)} {state}. Restore it from a backup,"
        f" or rebuild it from the records with `{command('repair', folder)}`. Nothing was changed."
    )


@dataclass
class Study:
    """A study as it is stored, whether or not a search is running on it.

    Attributes:
        folder: folder of the study.
        state: its trials, replayed from the journal.
        asked_preference: which trial is chosen, see ``metaopt.trials.choice.PREFERENCES``; None for the study's own.
    """

    folder: Path
    state: StudyState
    asked_preference: str | None = None

    @classmethod
    def load(cls, folder: Path | str, prefer: str | None = None) -> "Study":
        """Read a study without changing it; a search may be running on it.

        Args:
            folder: its folder.
            prefer: see ``asked_preference``.

        Raises:
            UserError: There is no study in the folder, or its journal is damaged.
        """
        folder = absolute(folder)
        state = StudyState.replay(Scan(folder / JOURNAL))
        if not state.header:
            if folder.is_dir() and record_files(folder):
                raise lost_journal(folder)
            raise UserError(
                f"There is no study in {shown(folder)}: run a search first, or name the folder of another one."
            )
        return cls(folder, state, prefer)

    @property
    def header(self) -> dict[str, Any]:
        """The header: fingerprint, seed, labels, data set and the problem's source."""
        return self.state.header

    def holds_network(self, digest: str) -> bool:
        """Return whether the study's network has this digest of its code; see ``Problem.code``.

        A study that was begun when another part of the source counted as code is judged by its source.
        """
        if digest == self.header["fingerprint"]["network"]:
            return True
        source = self.header.get("problem", {}).get("source")
        return bool(source) and digest == code_digest(network_code(source))

    def holds_space(self, space: Space) -> bool:
        """Return whether the study searches this space; see ``Space.digest`` and ``Space.earlier_digest``."""
        known = self.header["fingerprint"].get("space")
        return known == space.digest or known == space.earlier_digest

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of its latest run."""
        return self.state.settings

    @property
    def objective(self) -> Objective:
        """The objective that is optimised."""
        return self.state.judge.objective

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """All objectives, the first one first."""
        return self.state.judge.objectives

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """The constraints in force, that of the last phase of a search that grows among them."""
        return self.state.judge.constraints

    @property
    def records(self) -> list[Record]:
        """The record of every trial that has ended, by number; see docs/results.md for their keys."""
        return [self.record(trial) for trial in self.state.trials if trial.has_record]

    @property
    def best(self) -> Record | None:
        """The record of the best feasible trial, or None; imported trials never count.

        Under several objectives, it is the best by the first one. A study that prefers small networks chooses a smaller
        one that is as good within its standard error, see ``metaopt.trials.choice.choose_record``.
        """
        return choose_record(self.records, self.preference, self.validation_images)

    @property
    def choice_note(self) -> str:
        """Why the study prefers small networks and ``best`` is only that with the best score; empty elsewhere."""
        return explain_choice(self.records, self.preference, self.validation_images)

    @property
    def preference(self) -> str:
        """Which trial the study chooses, see ``metaopt.trials.choice.PREFERENCES``."""
        return self.asked_preference or self.settings.get("prefer", BEST)

    @property
    def front(self) -> list[Record]:
        """The Pareto front: records of the feasible trials that no other one dominates, the best by the first objective
        first; with one objective, the best record alone.
        """
        return front_records(self.records)

    @property
    def knee(self) -> Record | None:
        """The record of the front that is the best compromise by ``metaopt.trials.pareto.find_knee``, or None."""
        return knee_record(self.front)

    @property
    def best_imported(self) -> Record | None:
        """The record of the best imported trial of a study without trials of its own; else None."""
        return None if self.state.n_own else best_imported_record(self.records)

    @property
    def trials(self) -> hyperopt.Trials:
        """The study as hyperopt's Trials, as results.pkl holds it."""
        return make_trials(self.records, self.header["labels"], self.header["id"])

    @property
    def validation_images(self) -> int | None:
        """Number of images on which trials are compared, with folds all that are not test images; None if unknown."""
        parts = self.header.get("data", {}).get("images", {})
        folds = int(self.header["fingerprint"].get("folds", 1))
        return parts["train"] + parts["validation"] if folds > 1 and "train" in parts else parts.get("validation")

    def record(self, trial: Trial) -> Record:
        """Return the record of one trial."""
        repeats = int(self.header.get("fingerprint", {}).get("repeats", 1))
        return make_record(trial, self.header.get("seed", 0), self.state.judge, repeats)

    def require_best(self) -> Record:
        """Return the best record, or raise the error that a search ends with where there is none.

        Raises:
            NoTrialSucceeded: Every trial failed, or none was trained.
            NoneFeasible: No trial meets the constraints; the message shows the nearest.
        """
        records = self.records
        best = choose_record(records, self.preference, self.validation_images)
        if best is not None:
            return best
        nearest = nearest_record(records)
        if nearest is None or nearest.loss is None:
            failed = [record for record in records if record.status == "fail" and not record.imported]
            if not failed:
                raise NoTrialSucceeded(
                    f"No trial of the study in {shown(self.folder)} has ended yet: run the search again."
                )
            none = "The only trial failed." if len(failed) == 1 else f"None of the {len(failed)} trials succeeded."
            raise NoTrialSucceeded(f"{none} The last error: {failed[-1].error}")
        missed = ", ".join(f"{name} by {distance:g}" for name, distance in nearest.constraints.items() if distance > 0)
        value = self.objective.value(nearest.loss)
        raise NoneFeasible(
            f"No trial meets the constraints. The nearest is trial {nearest.trial} with {self.objective.name}"
            f" {value:.4g}, which violates {missed}."
        )
