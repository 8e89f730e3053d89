"""Whose checkpoints a search keeps while it runs."""

import math

from metaopt.engine.checkpoints import Checkpoints
from metaopt.engine.view import StudyView
from metaopt.storage.writer import OpenStudy
from metaopt.trials.record import Record, best_record


class Keeping:
    """Removes the checkpoints that nobody can ask for again, and under the quota others, the worst first.

    Args:
        study: open.
        view: of it, by which trials are compared.
        checkpoints: where they are.
        resource: R, at which they are compared.
        inherit: whether a new trial may start from the weights of any complete one.
    """

    def __init__(
        self, study: OpenStudy, view: StudyView, checkpoints: Checkpoints, *, resource: int, inherit: bool
    ) -> None:
        self._study = study
        self._view = view
        self._checkpoints = checkpoints
        self._resource = resource
        self._inherit = inherit

    def clear(self, best: Record | None) -> None:
        """Clears up after a trial came to rest, or was told to stop.

        Raises:
            UserError: the quota holds not even one checkpoint.
        """
        if not self._checkpoints.clears:
            return
        state = self._study.state
        needed = {trial.number for trial in state.running} | self._best_trials(best)
        if self._inherit:
            needed |= {trial.vals.parent for trial in state.running if trial.vals.parent is not None}
        useful = [trial for trial in state.trials if trial.status == "paused" or (self._inherit and trial.complete)]
        best_first = sorted(useful, key=lambda trial: self._view.standing(trial, self._resource) or (math.inf,))
        self._checkpoints.clear(needed, [trial.number for trial in reversed(best_first)])

    def _best_trials(self, best: Record | None) -> set[int]:
        """The best trial; where that is to go on, and may fail, also the best of those that are over."""
        if best is None:
            return set()
        trials = self._study.state.trials
        kept = {best["trial"]}
        if trials[best["trial"]].status in ("paused", "running"):
            over = best_record([each for each in self._study.records if trials[each["trial"]].status == "ok"])
            kept |= {over["trial"]} if over is not None else set()
        return kept
