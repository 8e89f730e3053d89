"""A study as it can be read: its trials, its records, its best, whether or not a search is running on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hyperopt

from metaopt.errors import NoneFeasible, NoTrialSucceeded, UserError
from metaopt.problems.source_digest import code_digest, network_code
from metaopt.storage import journal
from metaopt.storage.results_pickle import make_trials
from metaopt.storage.state import StudyState
from metaopt.trials.constraints import Limit
from metaopt.trials.growth import limits_in_force
from metaopt.trials.objective import Objective, find_objective
from metaopt.trials.record import Record, best_record, make_record, nearest_record
from metaopt.trials.trial import Trial

JOURNAL = "journal.jsonl"


def pickle_path(folder: Path) -> Path:
    """``results`` → ``results.pkl``, beside the folder."""
    folder = folder if folder.name not in ("", "..") else folder.resolve()  # such as `.`, which has no name
    return folder.with_name(folder.name + ".pkl")


@dataclass
class Study:
    """Everything of one search.

    Attributes:
        folder: where it is kept.
        state: its trials as the journal tells them.
    """

    folder: Path
    state: StudyState

    @classmethod
    def load(cls, folder: Path | str) -> "Study":
        """Reads a study without touching it; a search may be running on it.

        Raises:
            UserError: there is no study in the folder, or its journal is damaged.
        """
        path = Path(folder) / JOURNAL
        events = journal.read(path).events
        if not events:
            raise UserError(f"there is no study in {folder}: run a search first, or name its folder with --results.")
        return cls(Path(folder), StudyState(events))

    @property
    def header(self) -> dict[str, Any]:
        """What the study is: its fingerprint, seed, labels, data set and the problem's source."""
        return self.state.header

    def holds_network(self, digest: str) -> bool:
        """Whether the study's network has this digest of its code; see ``Problem.code``.

        A study that was begun when another part of the source counted as code is judged by its source.
        """
        if digest == self.header["fingerprint"]["network"]:
            return True
        source = self.header.get("problem", {}).get("source")
        return bool(source) and digest == code_digest(network_code(source))

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of its latest run."""
        return self.state.settings

    @property
    def objective(self) -> Objective:
        """What is optimised."""
        return find_objective(self.header["objective"])

    @property
    def limits(self) -> tuple[Limit, ...]:
        """The limits in force, that of the last phase of a search that grows among them."""
        return limits_in_force(self.settings.get("constraints", ()), self.settings.get("grow"))

    @property
    def records(self) -> list[Record]:
        """The record of every trial that has ended, by number; see docs/results.md for their keys."""
        return records_of(self.state, self.objective, self.limits)

    @property
    def best(self) -> Record | None:
        """The record of the best trial that keeps every limit, or None; imported trials never count."""
        return best_record(self.records)

    @property
    def trials(self) -> hyperopt.Trials:
        """The study as hyperopt's Trials, as results.pkl holds it."""
        return make_trials(self.records, self.header["labels"], self.header["id"])

    @property
    def validation_images(self) -> int | None:
        """On how many images trials are compared: with folds, on each that is not a test image; None if not known."""
        parts = self.header.get("data", {}).get("images", {})
        folds = int(self.header["fingerprint"].get("folds", 1))
        return parts["train"] + parts["validation"] if folds > 1 and "train" in parts else parts.get("validation")

    def record(self, trial: Trial) -> Record:
        """The record of one trial."""
        return make_record(trial, self.header, self.objective, self.limits)

    def require_best(self) -> Record:
        """The best record, or the error that a search ends with where there is none.

        Raises:
            NoTrialSucceeded: every trial failed, or none was trained.
            NoneFeasible: no trial keeps the limits; the message shows the nearest.
        """
        records = self.records
        best = best_record(records)
        if best is not None:
            return best
        nearest = nearest_record(records)
        if nearest is None:
            failed = [record for record in records if record["status"] == "fail" and not record["imported"]]
            if not failed:
                raise NoTrialSucceeded(f"no trial of the study in {self.folder} has ended yet: run the search again.")
            raise NoTrialSucceeded(
                f"none of the {len(failed)} trials succeeded: the last one ended with: {failed[-1]['error']}"
            )
        missed = ", ".join(
            f"{name} by {distance:g}" for name, distance in nearest["constraints"].items() if distance > 0
        )
        value = self.objective.value(nearest["loss"])
        raise NoneFeasible(
            f"no trial keeps the limits; the nearest is trial {nearest['trial']} with {self.objective.name}"
            f" {value:.4g}, which misses {missed}."
        )


def records_of(trials: StudyState, objective: Objective, limits: Sequence[Limit]) -> list[Record]:
    """The records of every trial that has ended or reached a rung, by number."""
    return [
        make_record(trial, trials.header, objective, limits)
        for trial in trials.trials
        if trial.status in ("ok", "fail") or trial.rungs
    ]
