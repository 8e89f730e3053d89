"""metaopt: its command, with one more callback that records the epochs."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.searches.method import Method, Run, Trainer
from benchmarks.searches.recorder import Recorder
from benchmarks.searches.tasks import AUGMENT
from metaopt.engine.callbacks import Callback, CallbackList
from metaopt.engine.jobs import Epoch
from metaopt.spaces import Vals

STUDY = "study"
"""Folder of the study, in the folder of the run."""

_ENDLESS = 10_000  # trials; the time limit ends the search


class _EpochCallback(Callback):
    """Records each epoch when its line in the journal is on disk."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def epoch(self, report: Epoch) -> None:
        self._recorder.epoch(report.trial, report.epoch, report.metrics["val_accuracy"])


def _run(run: Run, problem: Path, flags: Sequence[str]) -> None:
    """Do what ``hyperopt_optimize.py`` does with these flags."""
    from metaopt.cli.search_flags import make_parser
    from metaopt.cli.search_preparation import prepare
    from metaopt.engine.setup import search
    from metaopt.training.environment import describe_environment

    task = run.loaded.task
    folder = run.folder / STUDY
    arguments = make_parser("hyperopt_optimize.py").parse_args(
        [
            *("--data", task.data_argument(run.loaded.folder), "--augment", AUGMENT, "--space", str(problem)),
            *("--epochs", str(run.epochs), "--folds", "1", "--seed", str(run.seed), "--results", str(folder), *flags),
        ]
    )
    callback = CallbackList([_EpochCallback(run.recorder)])
    ready = prepare(arguments, None, callback)
    executor = ready.executor(arguments)
    with ready.open(folder, callback) as study:
        search(
            *(study, ready.problem, ready.settings, executor, callback, ready.images),
            keep="needed",
            environment=describe_environment(ready.settings.workers),
            knowledge=ready.knowledge,
        )


def _search(strategy: str, run: Run) -> None:
    _run(run, run.loaded.task.problem, ["--strategy", strategy, "--trials", str(_ENDLESS)])


def _train(run: Run, networks: Sequence[Vals]) -> None:
    """Train a list of networks: default points are the first trials of a random search."""
    points = [run.loaded.space.point(vals) for vals in networks]
    problem = run.folder / "problem.py"
    module = f"benchmarks.searches.problems.{run.loaded.task.problem.stem}"
    problem.write_text(f"from {module} import network, space, training  # noqa: F401\n\ndefault = {points!r}\n")
    _run(run, problem, ["--strategy", "random", "--trials", str(len(points)), "--early-stopping", "0"])


_PACKAGES = ("metaopt", "keras", "tensorflow")
_MODULES = ("tensorflow", "keras", "metaopt.cli.search", "metaopt.training.fit")
METHODS = {
    "metaopt auto": Method(
        _PACKAGES,
        _MODULES,
        partial(_search, "auto"),
        "The command with its default strategy; a driver and one worker process. Invalid networks are rejected before"
        " training.",
    )
}
TRAINERS = {
    "metaopt": Trainer(
        _PACKAGES,
        _MODULES,
        _train,
        "The command with --strategy random; the networks are the default points of the problem.",
    )
}
