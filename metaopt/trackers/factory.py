"""Trackers by name, and those of a search."""

import importlib.util
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module

from metaopt.engine.callbacks import Callback, CallbackList
from metaopt.errors import UserError, hint
from metaopt.storage.writer import StudyWriter
from metaopt.trackers.background import Background
from metaopt.trackers.tracker import TrackedStudy, Tracker, missing_library

TRACKERS = {
    "tensorboard": ("tensorboard_log", "TensorBoardTracker"),
    "optuna": ("optuna_journal", "OptunaTracker"),
    "mlflow": ("mlflow_runs", "MlflowTracker"),
    "wandb": ("wandb_runs", "WandbTracker"),
}
"""Name → module and class, which is imported when it is asked for."""


def find_tracker(name: str) -> type[Tracker]:
    """Return the tracker of a name.

    Raises:
        UserError: There is none, or its library is not installed.
    """
    if name not in TRACKERS:
        raise UserError(f"Unknown tracker: {name}. {hint(name, TRACKERS)}", "track")
    module, kind = TRACKERS[name]
    tracker: type[Tracker] = getattr(import_module(f"metaopt.trackers.{module}"), kind)
    if importlib.util.find_spec(tracker.module) is None:
        raise missing_library(tracker, "it is not installed")
    return tracker


@contextmanager
def tracked(names: Iterable[str], study: StudyWriter, callback: Callback) -> Iterator[Callback]:
    """Follow a search with trackers; the value is the callback that tells the given one and all of them.

    Args:
        names: names of trackers; one that is given twice counts once.
        study: the study, open for writing.
        callback: the display of the search, which also tells the user of a tracker that fails.

    Raises:
        UserError: see ``find_tracker``.
    """

    def make(kind: type[Tracker]) -> Tracker:
        return kind(TrackedStudy.of(study, study.space))

    with ExitStack() as stack:
        followers = [
            stack.enter_context(Background(name, partial(make, find_tracker(name)), study.state, callback.note))
            for name in dict.fromkeys(names)
        ]
        yield CallbackList([callback, *followers]) if followers else callback
