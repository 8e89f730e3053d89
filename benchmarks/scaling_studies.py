"""Searches of metaopt for scaling.py: simulated workers that wait for their driver, and the driver's own seconds."""

import math
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

from metaopt.engine.callbacks import Callback  # noqa: E402
from metaopt.engine.jobs import Job  # noqa: E402
from metaopt.engine.settings import resolve  # noqa: E402
from metaopt.engine.setup import ImageKind, open_study, search  # noqa: E402
from metaopt.engine.strategy import STRATEGIES  # noqa: E402
from metaopt.executors import Simulated  # noqa: E402
from metaopt.problems.loading import load_problem  # noqa: E402
from metaopt.storage.files import Files, Unsynced  # noqa: E402
from metaopt.storage.journal import Scan  # noqa: E402
from metaopt.storage.state import StudyState  # noqa: E402
from metaopt.storage.study import JOURNAL, Study  # noqa: E402

EPOCHS = 9
IMAGES = ImageKind((32, 32, 3), {"label": 10})
SCHEDULERS = {"tpe × halving": ("tpe", "halving"), "tpe × asha-stop": ("tpe", "asha-stop")}
SEARCHES = {**STRATEGIES, **SCHEDULERS}


class TimeIsUp(Exception):
    """The CPU seconds that a measurement may take are spent."""


@dataclass(frozen=True)
class Busy:
    """Share of time that simulated workers train.

    Attributes:
        share: of the time until the last trial was started.
        trials: number of trials that were started.
        driver_ms: milliseconds of the driver's own work per trial.
        is_complete: whether the search ended, rather than the time of the measurement.
    """

    share: float
    trials: int
    driver_ms: float
    is_complete: bool


class Watch(Callback):
    """Notes when each trial was started, and ends the search when its time is over.

    Args:
        limit_s: CPU seconds.

    Attributes:
        started: CPU and wall seconds at which each trial was first started.
    """

    def __init__(self, limit_s: float = math.inf) -> None:
        self._deadline = time.process_time() + limit_s
        self.started: dict[int, tuple[float, float]] = {}

    def trial_started(self, trial: int, *_: object) -> None:
        """See ``Callback``."""
        now = time.process_time()
        self.started.setdefault(trial, (now, time.perf_counter()))
        if now > self._deadline:
            raise TimeIsUp

    def cost_ms(self, end: int, count: int) -> tuple[float, float]:
        """Return CPU and wall milliseconds per trial of the ``count`` trials before trial ``end``."""
        (cpu, wall), (cpu_before, wall_before) = self.started[end], self.started[end - count]
        return 1e3 * (cpu - cpu_before) / count, 1e3 * (wall - wall_before) / count


def loss_of(point: dict[str, Any]) -> float:
    """Return the loss that a point would reach, without having trained a network."""
    numbers = (
        math.log(point["lr_rate_mult"]),
        3 * point["conv_dropout_drop_proba"] - 0.5,
        point["conv_kernel_size"] / 3,
    )
    return 0.1 + 0.05 * sum(number**2 for number in numbers) + 0.05 * (not point["use_BN"])


def curve(job: Job, trial_s: float) -> Iterator[tuple[dict[str, float], float]]:
    """Yield the learning curve of a job; a full training takes ``trial_s`` on average, large networks longer."""
    if job.checkpoint is not None:  # the driver removes those that it does not need
        os.makedirs(job.checkpoint, exist_ok=True)
        Path(job.checkpoint, "state-1").touch()
    best, seconds = loss_of(job.point), trial_s / EPOCHS * (0.5 + 0.5 * job.point["conv_hiddn_units_mult"])
    for epoch in range(1, EPOCHS + 1):
        loss = best + 0.9 * 0.6**epoch
        yield {"val_accuracy": max(0.0, 1 - loss), "val_loss": loss}, seconds


def run_search(
    folder: Path, name: str, trials: int, executor: Simulated, watch: Watch, files: Files | None = None
) -> bool:
    """Run or resume a search of the reference space; return whether it came to its end.

    Args:
        folder: folder of the study.
        name: from ``SEARCHES``.
        trials: number of trials in all.
        executor: simulates the trainings.
        watch: measures, and may end the search.
        files: file operations of the study.
    """
    problem = load_problem("cnn", beside=ROOT)
    sampler, scheduler = SEARCHES[name]
    given = {"sampler": sampler, "scheduler": scheduler, "epochs": EPOCHS, "trials": trials}
    settings = resolve(given, {}, StudyState.replay(Scan(folder / JOURNAL)))
    with open_study(folder, problem, settings, watch, images=IMAGES, files=files, clock=executor.clock) as study:
        try:
            search(study, problem, settings, executor, watch, IMAGES, keep="needed", clock=executor.clock)
        except TimeIsUp:
            return False
    return True


def measure_busy(name: str, workers: int, trials: int, trial_s: float, limit_s: float) -> Busy:
    """Measure the share of time that simulated workers train, while the driver's own seconds pass too.

    Args:
        name: from ``SEARCHES``.
        workers: number of simulated workers.
        trials: number of trials in all.
        trial_s: virtual seconds of a full training, on average.
        limit_s: CPU seconds of the measurement.
    """
    spans: list[tuple[float, float]] = []
    last_start = 0.0

    def recorded(job: Job) -> Iterator[tuple[dict[str, float], float]]:
        nonlocal last_start
        last_start = executor.clock()
        for epoch, (metrics, seconds) in enumerate(curve(job, trial_s), 1):
            if epoch > job.start:
                spans.append((executor.clock(), seconds))
            yield metrics, seconds

    executor = Simulated(recorded, workers, driver_clock=time.process_time)
    watch = Watch(limit_s)
    with tempfile.TemporaryDirectory() as folder:
        is_complete = run_search(Path(folder) / "study", name, trials, executor, watch, files=Unsynced())
    trained = sum(min(seconds, last_start - begin) for begin, seconds in spans if begin < last_start)
    started = len(watch.started)
    cpu_s = [cpu for cpu, _ in watch.started.values()]
    share = trained / (workers * last_start) if last_start else math.nan
    return Busy(share, started, 1e3 * (cpu_s[-1] - cpu_s[0]) / max(1, started - 1), is_complete)


def fill_study(folder: Path, name: str, trials: int) -> None:
    """Run or resume a search to a number of trials, whose trainings take no real time.

    Args:
        folder: folder of the study.
        name: from ``SEARCHES``.
        trials: number of trials in all.
    """
    run_search(folder, name, trials, _instant(), Watch(), files=Unsynced())


def measure_cost(folder: Path, name: str, trials: int, limit_s: float) -> tuple[float, float] | None:
    """Measure the driver's own work per new trial, in a study to which more trials are added.

    Args:
        folder: folder of the study; a copy is searched.
        name: from ``SEARCHES``.
        trials: number of trials to add; the first one is not measured.
        limit_s: CPU seconds of the measurement.

    Returns:
        CPU and wall milliseconds per new trial, or None where there are not two within the time.
    """
    with tempfile.TemporaryDirectory() as parent:
        copy = Path(parent) / "study"
        shutil.copytree(folder, copy)
        before = len(Study.load(copy).state.trials)
        watch = Watch(limit_s)
        run_search(copy, name, before + trials, _instant(), watch)
    new = [number for number in watch.started if number >= before]
    return watch.cost_ms(new[-1], len(new) - 1) if len(new) > 1 else None


def _instant() -> Simulated:
    """Return one worker whose trainings take no real time."""
    return Simulated(lambda job: curve(job, 10.0))
