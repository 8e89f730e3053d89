"""A synthetic search that trackers follow."""

from pathlib import Path

from metaopt.engine.callbacks import Callback
from metaopt.engine.settings import resolve
from metaopt.engine.setup import open_study
from metaopt.engine.setup import search as run_search
from metaopt.problems.problem import Problem
from metaopt.storage.study import Study, read_begun
from metaopt.trackers.factory import tracked
from tests.engine.synthetic import EPOCHS, SPACE, SyntheticExecutor


class Notes(Callback):
    """Keeps the notes of a search."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, message: str) -> None:
        self.texts.append(message)


def search(folder: Path, *trackers: str, fails=lambda job: False, **given) -> tuple[Study, list[str]]:
    """Run or resume a search; return the study and what the user was told."""
    defaults = {"sampler": "random", "trials": 5, "epochs": EPOCHS}
    settings, problem, notes = resolve(given, defaults, read_begun(folder)), Problem(SPACE), Notes()
    with open_study(folder, problem, settings, notes) as study, tracked(trackers, study, notes) as told:
        run_search(study, problem, settings, SyntheticExecutor(fails=fails), told)
    return study, notes.texts
