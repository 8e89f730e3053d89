"""Checkpoint retention: which trials keep their checkpoints while a search runs."""

import math
import time
from collections.abc import Callable, Collection

from metaopt.engine.checkpoints import Checkpoints
from metaopt.engine.view import StudyView
from metaopt.storage.study import Study
from metaopt.trials.choice import BEST
from metaopt.trials.record import Record, best_record

FEW = 100  # trials of a study, up to which checkpoints are removed after each
EVERY_DURATIONS = 50  # of the last removal, from one to the next: with thousands of checkpoints, one takes a second


class CheckpointRetention:
    """Removes checkpoints that cannot be needed again, and under the quota others, the worst trials first.

    In a large study it does so less often: they are removed later, and the quota may be exceeded until then.

    Args:
        study: the study that is searched.
        view: its view, by which trials are compared.
        checkpoints: the directories.
        resource: R, at which trials are compared.
        inherit: whether a new trial may start from the weights of any complete one.
        forkable: returns the trials that the strategy may still fork.
    """

    def __init__(
        self,
        study: Study,
        view: StudyView,
        checkpoints: Checkpoints,
        *,
        resource: int,
        inherit: bool,
        forkable: Callable[[], Collection[int]] = tuple,
    ) -> None:
        self._study = study
        self._view = view
        self._checkpoints = checkpoints
        self._resource = resource
        self._inherit = inherit
        self._forkable = forkable
        self._cleared_s = -math.inf  # when
        self._took_s = 0.0

    def clear(self, best: Record | None, *, at_once: bool = False) -> None:
        """Remove checkpoints after a trial came to rest or was stopped.

        Args:
            best: the best record, or None.
            at_once: whether to do so although it takes long and was done a short time ago.

        Raises:
            UserError: The quota is too small for a single checkpoint, or for those that may be forked.
        """
        began = time.monotonic()
        is_small = len(self._study.state.trials) <= FEW
        is_due = is_small or began - self._cleared_s >= EVERY_DURATIONS * self._took_s
        if not self._checkpoints.clears or not (at_once or is_due):
            return
        self._clear(best)
        self._cleared_s = time.monotonic()
        self._took_s = self._cleared_s - began

    def _clear(self, best: Record | None) -> None:
        state = self._study.state
        needed = {trial.number for trial in state.running} | self._best_trials(best)
        if len(self._study.objectives) > 1:
            needed |= {record.trial for record in self._study.front}
        forkable = set(self._forkable())
        if self._study.preference != BEST and (chosen := self._study.best) is not None:
            needed.add(chosen.trial)
        needed |= {source for trial in state.running for source in trial.sources} | forkable
        if self._inherit:
            needed |= {trial.vals.parent for trial in state.running if trial.vals.parent is not None}
        useful = [trial for trial in state.trials if trial.status == "paused" or (self._inherit and trial.complete)]
        best_first = sorted(useful, key=lambda trial: self._view.rank_key(trial, self._resource) or (math.inf,))
        self._checkpoints.clear(needed, [trial.number for trial in reversed(best_first)], forkable)

    def _best_trials(self, best: Record | None) -> set[int]:
        """Return the best trial; where that one will resume, and may fail, also the best of those that ended."""
        if best is None:
            return set()
        trials = self._study.state.trials
        kept = {best.trial}
        if trials[best.trial].status in ("paused", "running"):
            ended = best_record([each for each in self._study.records if trials[each.trial].status == "ok"])
            kept |= {ended.trial} if ended is not None else set()
        return kept
