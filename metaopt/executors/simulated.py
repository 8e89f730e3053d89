"""Simulated executor: virtual workers on a virtual clock, over given learning curves.

Loop, strategies, guard, stopping rules and journal are those of a real search; only training takes no time. Strategies
are compared on recorded learning curves, and tested with a thousand workers, in seconds, with a deterministic outcome.
"""

import heapq
import itertools
import math
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import replace

from metaopt.engine.jobs import Epoch, Failed, Finished, Job, Rejected, Report
from metaopt.executors.failures import failure, timed_out
from metaopt.trials.fold_scores import mean_of_folds

# The epochs of a trial from its first on: metrics, or with folds those of each, and virtual seconds of the epoch.
Curve = Iterable[tuple[Mapping[str, float] | Sequence[Mapping[str, float]], float]]
Ended = Finished | Failed | Rejected


class Simulated:
    """Runs jobs in the order of virtual time over all workers, on the thread that waits.

    Hand ``clock`` to ``open_study``, so that the journal's times and the end of the search go by virtual time.

    The curve of a trial must not depend on when it is computed: a trial that resumes from a rung gets its whole curve
    anew, of which the epochs before ``Job.start`` are skipped and cost nothing, as with a checkpoint.
    """

    def __init__(
        self,
        curve: Callable[[Job], Curve],
        workers: int = 1,
        setup: float | Callable[[Job], float] = 0.0,
        driver_clock: Callable[[], float] | None = None,
    ) -> None:
        """Create workers that are free at virtual second 0.

        Args:
            curve: gives the learning curve of a job's trial, from its first epoch; read up to the target resource. A
                curve that is shorter is a training that stopped early, and is complete. A curve that raises is a
                training that failed; a generator may also return how the job ends (``Failed``, ``Rejected``).
            workers: number of jobs that run at once.
            setup: virtual seconds before the first epoch of each job, for building and loading.
            driver_clock: e.g. ``time.perf_counter``: by this clock, the driver's own seconds pass on the virtual clock
                too, so that workers wait for a driver that is busy. None: the driver takes no time.

        Raises:
            ValueError: There is no worker.
        """
        if workers < 1:
            raise ValueError(f"Invalid value for workers: {workers}. Expected an integer >= 1.")
        self.slots = workers
        self._curve = curve
        self._setup = setup
        self._now = 0.0
        self._submitted = 0
        self._driver_clock = driver_clock
        self._driver_read = 0.0 if driver_clock is None else driver_clock()
        # When the next report of each running job is due; of several at the same time that of the job taken first.
        self._due: list[tuple[float, int, _Training]] = []

    def clock(self) -> float:
        """Return the virtual seconds since this executor was made."""
        return self._now

    def submit(self, job: Job) -> None:
        """Take a job, which starts at once.

        Raises:
            RuntimeError: Every worker is busy.
        """
        if len(self._due) >= self.slots:
            raise RuntimeError("every slot of the executor is taken")
        self._pass_driver_time()
        setup = self._setup(job) if callable(self._setup) else self._setup
        self._schedule(_Training(job, self._curve, setup), self._submitted, setup)
        self._submitted += 1

    def wait(self, handle: Callable[[Report], bool], timeout: float | None = None) -> None:
        """Advance the clock to the next report and handle it, or by the timeout, if that is sooner.

        Args:
            handle: see ``Executor.wait``.
            timeout: virtual seconds, or None.
        """
        if not self._due:
            return
        self._pass_driver_time()
        until = math.inf if timeout is None else self._now + timeout
        if self._due[0][0] > until:
            self._now = until
            return
        due, number, training = heapq.heappop(self._due)
        self._now = max(self._now, due)
        report = training.report
        trains_on = handle(report)
        self._pass_driver_time()
        if isinstance(report, Epoch):
            if trains_on and (report.fold is not None or report.epoch < training.job.target_resource):
                self._schedule(training, number)
            else:
                handle(training.end(complete=trains_on))

    def __enter__(self) -> "Simulated":
        """Start nothing."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Drop the running jobs."""
        self._due.clear()

    def _schedule(self, training: "_Training", number: int, setup: float = 0.0) -> None:
        heapq.heappush(self._due, (self._now + setup + training.advance(), number, training))
        if self._driver_clock is not None:  # the seconds that a curve takes to compute are not the driver's
            self._driver_read = self._driver_clock()

    def _pass_driver_time(self) -> None:
        """Advance the virtual clock by the seconds that the driver has taken since it was read last."""
        if self._driver_clock is not None:
            now = self._driver_clock()
            self._now, self._driver_read = self._now + now - self._driver_read, now


class _Training:
    """One running job.

    Attributes:
        job: what is trained.
        report: what is told next.
    """

    report: Epoch | Ended

    def __init__(self, job: Job, curve: Callable[[Job], Curve], setup: float) -> None:
        self.job = job
        self._epochs = _in_race_order(job, _epochs(job, curve)) if job.options.race else _epochs(job, curve)
        self._spent = setup

    def advance(self) -> float:
        """Advance to the next report; return the virtual seconds until then."""
        try:
            step = next(self._epochs)
        except StopIteration as end:
            self.report = self.end() if end.value is None else self._timed(end.value)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - as with any executor, a training that raises has failed
            self.report = failure(self.job.trial, error, self._spent)
        else:
            limit = math.inf if self.job.time_limit_s is None else self.job.time_limit_s
            seconds = min(step.seconds, max(0.0, limit - self._spent))
            self._spent += seconds
            self.report = step if seconds == step.seconds else timed_out(self.job, self._spent)
            return seconds
        return 0.0

    def end(self, complete: bool = True) -> Finished:
        """Return the report of a job that ends without failure."""
        return Finished(self.job.trial, complete, self._spent, {"device": "simulated"})

    def _timed(self, end: Ended) -> Ended:
        return end if isinstance(end, Rejected) else replace(end, seconds=self._spent)


def _epochs(job: Job, curve: Callable[[Job], Curve]) -> Generator[Epoch, None, Ended | None]:
    """Yield the epochs after ``job.start``; return how the job ends, None where its training is over."""
    tracker = job.options.tracker()
    steps = iter(curve(job))
    for epoch in itertools.count(1):
        try:
            given, seconds = next(steps)
        except StopIteration as end:
            return end.value
        folds = () if isinstance(given, Mapping) else tuple(map(dict, given))
        metrics = dict(given) if isinstance(given, Mapping) else mean_of_folds(folds, job.options.folds)
        bad = next((name for name, value in metrics.items() if not math.isfinite(value)), None)
        if bad is not None:
            return Failed(job.trial, "diverged", f"{bad} became {metrics[bad]} in epoch {epoch}.")
        if job.options.early_stopping is not None:
            tracker.add(metrics, seconds)
        if epoch > job.start:
            yield Epoch(job.trial, epoch, metrics, seconds, folds)
        if tracker.is_out_of_patience:
            return None
    raise AssertionError("itertools.count has no end")


def _in_race_order(job: Job, epochs: Generator[Epoch, None, Ended | None]) -> Generator[Epoch, None, Ended | None]:
    """Yield the epochs of a race: those of one fold after the other, and with the last fold those of all.

    Each fold takes an equal part of the seconds of an epoch. Where the trial ends early, its folds do too.
    """
    found: list[Epoch] = []
    end = None
    while len(found) < job.target_resource - job.start:
        try:
            found.append(next(epochs))
        except StopIteration as stop:
            end = stop.value
            break
    for fold in range(job.options.n_trainings - 1):
        for each in found:
            one, seconds = each.replicates[fold], each.seconds / job.options.n_trainings
            yield Epoch(job.trial, each.epoch, one, seconds, fold=fold, ends_fold=each is found[-1])
    for each in found:
        yield replace(each, seconds=each.seconds / job.options.n_trainings)
    return end
