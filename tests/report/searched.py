"""Studies of the real search loop, made in milliseconds, and test logs of models that predict as they are told."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from metaopt.engine.callbacks import Callback
from metaopt.engine.jobs import Epoch, Finished, Report
from metaopt.engine.settings import resolve
from metaopt.engine.setup import open_study
from metaopt.engine.setup import search as run_search
from metaopt.problems.problem import Problem
from metaopt.report.analysis import append_to_test_log, rank_classes, read_test_log, write_predictions
from metaopt.storage import journal
from metaopt.storage.state import StudyState
from metaopt.storage.study import JOURNAL, Study
from tests.engine.synthetic import EPOCHS, SPACE, SyntheticExecutor, accuracy

CLASSES = 5
TRUE = np.arange(400) % CLASSES


class SyntheticNetworks(SyntheticExecutor):
    """Trains networks on paper: larger ones are better, and precision follows accuracy."""

    def __init__(self, bonus: float = 0.0):
        super().__init__()
        self.bonus = bonus

    def wait(self, handle: Callable[[Report], bool], timeout: float | None = None) -> None:
        def with_counts(report: Report) -> bool:
            if isinstance(report, Epoch):
                value = min(1.0, report.metrics["val_accuracy"] * (0.8 + self.bonus))
                metrics = {
                    "val_accuracy": value,
                    "val_loss": 2 - 2 * value,
                    "val_precision": value**1.5,
                    "val_top3": value**0.5,
                }
                return handle(Epoch(report.trial, report.epoch, metrics, report.seconds))
            if isinstance(report, Finished):
                params = round(10 ** (4 + 2 * sizes[report.trial]))
                return handle(Finished(report.trial, report.complete, info={"params": params, "macs": 40 * params}))
            return handle(report)

        sizes = {job.trial: accuracy(job.point, EPOCHS) for job in self.jobs}
        super().wait(with_counts, timeout)


def search_study(
    folder: Path,
    *,
    data: str = "digits",
    bonus: float = 0.0,
    space: dict | None = None,
    networks: SyntheticNetworks | None = None,
    **given,
) -> Study:
    """A search of twenty trials by ``random``, unless it is given otherwise.

    Args:
        folder: of the study.
        data: the name of its data set, and its fingerprint too.
        bonus: how much better than others its networks are.
        space: another one than the synthetic studies'.
        networks: executor that trains its networks, in the place of one with this bonus.
        **given: settings.
    """
    state = StudyState.replay(journal.Scan(folder / JOURNAL))
    settings = resolve(given, {"sampler": "random", "trials": 20, "epochs": EPOCHS, "constraints": ()}, state)
    problem = Problem(SPACE if space is None else space)
    kept = {"fingerprint": data, "description": {"name": data}}
    with open_study(folder, problem, settings, Callback(), data=kept) as study:
        run_search(study, problem, settings, networks or SyntheticNetworks(bonus), Callback())
    return Study.load(folder)


def log_test(
    study: Study, wrong: int, *, seed: int = 0, keep: bool = True, test_set: str = "test", offset: int = 0, **changes
) -> None:
    """Log a test of the study's best network, which is wrong on so many of 400 images, from ``offset`` on."""
    probabilities = np.eye(CLASSES)[TRUE] * 0.6 + 0.1
    mistaken = np.arange(offset, offset + wrong)
    probabilities[mistaken] = np.roll(probabilities[mistaken], 1, axis=1)
    predictions = rank_classes(probabilities, TRUE, test_set)
    share = predictions.correct().mean()
    best = study.require_best()
    interval = {"value": share, "low": share - 0.03, "high": min(1.0, share + 0.02)}
    loss = {"value": 2 - 2 * share, "low": 1.9 - 2 * share, "high": 2.1 - 2 * share}
    entry = {
        "at": "2026-03-01T12:00:00+00:00",
        "trial": best.trial,
        "point": best.point,
        "epochs": best.best_epoch,
        "seed": seed,
        "params": best.params,
        "macs": best.macs,
        "feasible": True,
        "scores": {"test_accuracy": interval, "test_precision": interval, "test_loss": loss},
    }
    if keep:
        number = len(read_test_log(study.folder)) + 1
        entry["predictions"] = write_predictions(study.folder, number, predictions)
    append_to_test_log(study.folder, entry | changes)
