"""Compared studies: each with its records, its setup and its entries of the test log."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from metaopt.engine.settings import HOPELESS, read_settings
from metaopt.engine.strategy import READ_BY_SAMPLERS
from metaopt.errors import UserError
from metaopt.report.analysis.predictions import ImageScores, Predictions, read_predictions
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.analysis.test_log import LogEntry, read_test_log
from metaopt.spaces.point_key import point_key
from metaopt.storage.study import JOURNAL, Study
from metaopt.terminal.commands import command
from metaopt.trials.objective import Objective
from metaopt.trials.record import Record

# Settings that do not distinguish two searches: `base` and `trials` make up the goal; the fingerprint tells space and
# data by their content; constraints are compared as parsed; executors give the same results.
_NOT_COMPARED = ("seed", "base", "trials", "space", "data", "executor", "constraints")
# Keys of an entry of the test log that distinguish two models, except the seed.
_OF_MODEL = ("point", "epochs", "members", "mirror", "recipe", "augment")


@dataclass(frozen=True, eq=False)
class ComparedStudy:
    """One study of a comparison.

    Attributes:
        name: its folder, as short as is unambiguous.
        study: the study.
        data: its records without imported trials, and how they are judged.
        test: entry of the test log that is compared, or None; the first one of the best point, as later ones may have
            been made, or chosen, because of the score of an earlier one.
        retrainings: that entry and those of the same model with other seeds.
        n_tests: number of entries of the test log.
        predictions: predictions of ``test``, or None where they were not stored or are missing.
    """

    name: str
    study: Study
    data: StudyData
    test: LogEntry | None
    retrainings: list[LogEntry]
    n_tests: int
    predictions: Predictions | ImageScores | None

    @property
    def all_data(self) -> StudyData:
        """Its records with the imported trials."""
        return replace(StudyData.of(self.study), name=self.name)

    @property
    def objective(self) -> Objective:
        """The objective."""
        return self.data.objective

    @property
    def seed(self) -> int:
        """Seed of the search."""
        return int(self.study.header.get("seed", 0))

    @property
    def data_fingerprint(self) -> str:
        """Fingerprint of the data set; empty for a search over a function."""
        return str(self.study.header["fingerprint"]["data"])

    @property
    def best(self) -> Record | None:
        """Best feasible record, if its loss is finite."""
        best = self.data.best
        return best if best is not None and best.has_loss else None

    @property
    def best_loss(self) -> float:
        """Loss of the best record; infinite where no trial is feasible."""
        best = self.best
        return math.inf if best is None or best.loss is None else best.loss

    @property
    def strategy(self) -> str:
        """Name of its strategy, or sampler × scheduler where the pair has none."""
        return self.data.strategy

    @property
    def setup(self) -> dict[str, Any]:
        """Settings and inputs that distinguish it from other studies, except the seed."""
        settings = read_settings(self.study.settings).as_event()  # an older study has the default of a newer setting
        sampler = settings["sampler"]
        unread = () if settings["stop_hopeless"] else HOPELESS
        fingerprint = self.study.header["fingerprint"]
        return {
            **{
                name: value
                for name, value in settings.items()
                if name not in (*_NOT_COMPARED, *unread) and sampler in READ_BY_SAMPLERS.get(name, (sampler,))
            },
            "trials": settings["base"] + settings["trials"],
            # The bound on memory depends on the machine.
            "constraints": sorted(str(each) for each in self.data.constraints if each.name != "memory"),
            **{name: fingerprint.get(name) for name in ("space", "network", "data", "objective", "folds")},
        }

    def retraining_scores(self, name: str) -> list[float]:
        """Return a test score of every retraining that has it."""
        return [entry["scores"][name]["value"] for entry in self.retrainings if name in entry["scores"]]


def load_studies(folders: Sequence[Path]) -> list[ComparedStudy]:
    """Read the studies of a comparison.

    Raises:
        UserError: There are fewer than two, one is given twice, or one cannot be read.
    """
    # `compare studies/*` passes the pickle of every study, too.
    folders = [folder for folder in folders if folder.suffix != ".pkl" or folder.with_suffix("") not in folders]
    if len(folders) < 2:
        raise UserError(
            f"A comparison needs at least two studies, got {len(folders)}. Name their folders, e.g."
            f" `{command('compare', 'study_tpe', 'study_random')}`."
        )
    for folder in folders:
        if not (folder / JOURNAL).is_file():
            raise UserError(f"There is no study in {folder}. Name folders of searches, e.g. results.")
    studies = [Study.load(folder) for folder in folders]
    for folder, study in zip(folders, studies, strict=True):
        if not study.settings:
            raise UserError(f"The study in {folder} has no trials yet: run its search first.")
    known: dict[str, Path] = {}
    for folder, study in zip(folders, studies, strict=True):
        identity = study.header["id"]
        if identity in known:
            raise UserError(f"{known[identity]} and {folder} are the same study: name each study once.")
        known[identity] = folder
    return [_load(name, study) for name, study in zip(_unambiguous_names(folders), studies, strict=True)]


def _unambiguous_names(folders: Sequence[Path]) -> list[str]:
    """Return the names of the folders where they differ, otherwise the paths as given."""
    names = [folder.resolve().name for folder in folders]
    counts = Counter(names)
    return [name if counts[name] == 1 else str(folder) for name, folder in zip(names, folders, strict=True)]


def _load(name: str, study: Study) -> ComparedStudy:
    data = replace(StudyData.of(study).without_imported(), name=name)
    log = read_test_log(study.folder)
    test = _compared_entry(log, data.best)
    predictions = None
    if test is not None and "predictions" in test:
        predictions = read_predictions(study.folder, test["predictions"])
    return ComparedStudy(name, study, data, test, _retrainings(log, test), len(log), predictions)


def _compared_entry(log: Sequence[LogEntry], best: Record | None) -> LogEntry | None:
    """Return the first entry of the best point, or the first of all where it has none."""
    wanted = None if best is None else point_key(best.point)
    of_best = (entry for entry in log if "point" in entry and point_key(entry["point"]) == wanted)
    return next(of_best, log[0] if log else None)


def _retrainings(log: Sequence[LogEntry], test: LogEntry | None) -> list[LogEntry]:
    """Return the first entry of each seed among those of the same point, trained into the same kind of model."""
    if test is None:
        return []

    def model(entry: LogEntry) -> str:
        return point_key({name: entry.get(name) for name in _OF_MODEL})

    by_seed: dict[int | None, LogEntry] = {}
    for entry in (test, *(entry for entry in log if model(entry) == model(test))):
        by_seed.setdefault(entry.get("seed"), entry)
    return list(by_seed.values())
