"""Strategy ``pbt``: population-based training.

A population of trials is trained side by side. At the end of each interval, a member of the lower quantile is replaced
by a fork of a random member of the upper quantile: it takes over the weights (exploit), and trains on under perturbed
hyperparameters (explore). So a good schedule of hyperparameters is found within one training (Jaderberg et al. 2017:
Population Based Training of Neural Networks, arXiv:1711.09846; truncation selection and perturbation are those of
section 4.1).

The training is asynchronous: no worker waits for others, and with fewer workers than members those that are least
trained come first. A member is only replaced once it is certain that it will be in the lower quantile, so that with one
worker all members are compared after the same number of epochs. After the last interval of a population the next one
begins, until all trials were started.
"""

from dataclasses import dataclass, field

import numpy as np

from metaopt.errors import invalid_value
from metaopt.schedulers import Continue, Decision, Done, Fork, Start, Stop, TrialView, Wait
from metaopt.spaces import Vals
from metaopt.strategies.exploration import Check, allow_any, describe_change, explore
from metaopt.strategies.population import Population, Populations
from metaopt.strategies.population_view import Member, PopulationView
from metaopt.trials.knowledge import next_start

N_INTERVALS = 10  # of a training, where the interval is left out


@dataclass(frozen=True)
class PBT:
    """Population-based training.

    Attributes:
        resource: R, the epochs of a member, those that it took over included.
        population: number of members.
        interval: epochs from one comparison to the next; None for a tenth of R.
        quantile: share of the members that are replaced, and of those that they are forked from.
        resample: probability that a hyperparameter of a fork is drawn from its prior instead of being perturbed.
        check: whether a fork of a trial may have other vals, so that its weights still fit.

    Raises:
        UserError: An argument is out of its range.
    """

    resource: int
    population: int = 10
    interval: int | None = None
    quantile: float = 0.2
    resample: float = 0.25
    check: Check = field(default=allow_any, compare=False)

    def __post_init__(self) -> None:
        if self.population < 2:
            raise invalid_value("population", self.population, "Expected an integer >= 2.")
        if self.interval is not None and self.interval < 1:
            raise invalid_value("perturbation_interval", self.interval, "Expected an integer >= 1.")
        if not 0 < self.quantile <= 0.5:
            raise invalid_value("quantile", self.quantile, "Expected a number > 0 and <= 0.5.")
        if not 0 <= self.resample <= 1:
            raise invalid_value("resample", self.resample, "Expected a probability, 0 to 1.")

    @property
    def step(self) -> int:
        """Epochs from one comparison to the next."""
        return max(1, self.resource // N_INTERVALS) if self.interval is None else self.interval

    def next(self, view: PopulationView, attempt: int = 0) -> Decision:
        """Return the next decision, see ``metaopt.engine.strategy.Strategy``."""
        with np.errstate(all="ignore"):  # np.seterr(all="raise") in a user's code is meant for that code
            populations = Populations.of(view, self)
            populations.take_in(view)
            has_room = attempt > 0 or populations.has_room(view)
            for number, trials in populations.open(view):
                population = Population(view, trials, self.population, self.quantile, self.resource)
                if population.has_ended:
                    populations.close(number)
                elif (decision := self._decide(population, number, has_room, attempt)) is not None:
                    return decision
            if has_room:
                return self._start(view, populations.count, attempt)
            return Wait() if view.running else Done()

    def rung_levels(self, bracket: int | None = None) -> tuple[int, ...]:  # noqa: ARG002 - all populations have the same
        """Return the ends of the intervals, and R."""
        return (*range(self.step, self.resource, self.step), self.resource)

    def pauses(self, trial: TrialView) -> bool:
        """Return whether the trial is below R."""
        return trial.target_resource < self.resource

    def forkable(self, view: PopulationView) -> set[int]:
        """Return the trials that a later decision may fork, see ``metaopt.engine.strategy.ForkingStrategy``."""
        return {trial.number for trial in view.trials if trial.status in ("running", "paused") and not trial.imported}

    def explore(self, population: Population, source: Member, target: int, rng: np.random.Generator) -> Vals:
        """Return the hyperparameters of a fork.

        Args:
            population: the population.
            source: the member that is forked.
            target: the resource that the fork trains to.
            rng: the only source of randomness.
        """
        del target
        space = population.view.space
        return explore(space, source.vals, rng, resample=self.resample, check=self.check)

    def _decide(self, population: Population, number: int, has_room: bool, attempt: int) -> Decision | None:
        """Return the decision for one population; None if it leaves the worker to the next one."""
        if has_room and population.n_started < self.population:
            return self._start(population.view, number, attempt)
        if has_room and len(population.members) < self.population and (sources := population.sources()):
            return self._fork(population, number, sources)
        paused = population.paused
        if not paused:
            return None
        least = min(trial.target_resource for trial in paused)
        order = population.order(least)
        here = [trial for trial in paused if trial.target_resource == least]
        lower = [trial for trial in here if trial.number in order and population.is_lower(order, trial.number)]
        if has_room:
            for trial in lower:
                if population.sources(without=trial):
                    return Stop(trial.number)
        best = min(here, key=lambda trial: order.index(trial.number) if trial.number in order else len(order))
        return Continue(best.number, self._target(least))

    def _start(self, view: PopulationView, number: int, attempt: int) -> Start:
        """Return a new member of a population."""
        known = None if attempt else next_start(view.knowledge, view.n_own)
        vals = view.space.draw(view.generator("propose", attempt)) if known is None else known
        return Start(vals, self._target(0), bracket=number)

    def _fork(self, population: Population, number: int, sources: list[Member]) -> Fork:
        """Return a fork of a random source."""
        rng = population.view.generator("propose")
        source = sources[int(rng.integers(len(sources)))]
        result = source.results[-1]
        target = self._target(result.resource)
        vals = self.explore(population, source, target, rng)
        vals.parent = source.number
        change = describe_change(source.vals, vals)
        return Fork(source.number, vals, target, bracket=number, change=change, epochs=result.epochs)

    def _target(self, resource: int) -> int:
        """Return the end of the interval after a resource."""
        return min(self.resource, resource + self.step)
