"""Populations of trials that are trained side by side, interval by interval, and compared at the end of each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from metaopt.schedulers import TrialView
from metaopt.schedulers.trial_index import TrialIndex
from metaopt.strategies.population_view import Member, PopulationView
from metaopt.trials.ranking import RankKey
from metaopt.trials.result import Result


@dataclass(frozen=True)
class Population:
    """One population as it is at a moment.

    Attributes:
        view: the study.
        trials: every trial that was started in it, those that were replaced or failed included.
        size: number of members.
        quantile: share of the members in the upper and in the lower quantile.
        resource: R.
    """

    view: PopulationView
    trials: Sequence[Member]
    size: int
    quantile: float
    resource: int

    @property
    def members(self) -> list[Member]:
        """Trials that are in training, paused, or trained to the end; others were replaced, or failed."""
        return [trial for trial in self.trials if trial.status in ("running", "paused") or trial.complete]

    @property
    def paused(self) -> list[Member]:
        """Members that await a worker."""
        return [trial for trial in self.trials if trial.status == "paused"]

    @property
    def n_started(self) -> int:
        """Number of trials that were started anew rather than forked."""
        return sum(trial.forked_from is None and trial.status != "rejected" for trial in self.trials)

    @property
    def has_ended(self) -> bool:
        """Whether nothing is left to train; one in which trials are missing only has ended once one is complete."""
        is_whole = self.n_started >= self.size or any(trial.complete for trial in self.trials)
        return is_whole and not any(trial.status in ("running", "paused") for trial in self.trials)

    @property
    def n_selected(self) -> int:
        """Number of members in the upper and in the lower quantile: at least one, at most half of them."""
        return min(math.ceil(self.quantile * self.size - 1e-9), self.size // 2)

    def is_lower(self, order: Sequence[int], number: int) -> bool:
        """Return whether a trial is in the lower quantile, however the members rank that are not in the order yet."""
        return order.index(number) >= self.size - self.n_selected

    def order(self, resource: int) -> list[int]:
        """Return the trials in the order of their ranks at a resource, the best first.

        Each member counts once: with its own result there, be it that it trained on or was replaced since; else, if it
        lags behind, with the latest result before. Infeasible trials come last.
        """
        results = self._compared(resource)
        keys = self.view.rank_together(list(results.items()))

        def key(number: int) -> tuple[RankKey, float, int]:
            return keys[number], results[number].training_loss, number

        return sorted(results, key=key)

    def sources(self, without: TrialView | None = None) -> list[Member]:
        """Return the members that may be forked: those of the upper quantile with epochs left to train.

        They are ranked where all members have been trained to, at least. Each is forked from the end of its last
        interval, also while it trains on.

        Args:
            without: a member that is to be replaced.
        """
        own = [trial for trial in self.members if trial.results and trial is not without and not trial.complete]
        if not own:
            return []
        resource = min(trial.results[-1].resource for trial in own)
        results = self._compared(resource)
        upper = {number for number in self.order(resource)[: self.n_selected] if results[number].has_loss}
        return [trial for trial in own if trial.number in upper and trial.results[-1].resource < self.resource]

    def _compared(self, resource: int) -> dict[int, Result]:
        """Return the results that count at a resource, by trial; each is that of its last epoch."""
        found: dict[int, Result] = {}
        for trial in self.trials:
            own = next((result for result in trial.results if result.resource == resource), None)
            if own is None and (trial.complete or trial.status in ("running", "paused")):
                latest = self._latest_result(trial)
                own = latest if latest is not None and latest.resource < resource else None
            if own is not None:
                found[trial.number] = self.view.result_of_last_epoch(trial.number, own)
        return found

    def _latest_result(self, trial: Member) -> Result | None:
        """Return the latest result of a trial; a fork without one has that of its source where it was forked."""
        if trial.results:
            return trial.results[-1]
        if trial.forked_from is None:
            return None
        source, epochs = trial.forked_from
        return next((each for each in self.view.trials[source].results if each.epochs == epochs), None)


class Populations(TrialIndex):
    """Trials of a study by population, numbered in the order in which they were begun.

    A population that has ended is read no more.

    Attributes:
        count: number of populations so far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self._open: dict[int, dict[int, None]] = {}

    def take_in(self, view: PopulationView) -> None:
        """Read new trials; those that another strategy started in the study belong to no population."""
        for trial in self.news(view):
            number = trial.bracket
            if number is not None and number >= self.count:
                self._open.update({new: {} for new in range(self.count, number + 1)})
                self.count = number + 1
            if number in self._open:
                self._open[number][trial.number] = None

    def open(self, view: PopulationView) -> list[tuple[int, list[Member]]]:
        """Return number and trials of each population that has not ended."""
        found = [(number, [view.trials[each] for each in trials]) for number, trials in self._open.items()]
        return [(number, trials) for number, trials in found if trials]

    def close(self, number: int) -> None:
        """Note that a population has ended."""
        del self._open[number]
