"""Evolution: the best trials are the parents of the next ones.

The population is not kept anywhere: it follows from the trials that ended, so that a search which was interrupted goes
on as it would have.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metaopt.errors import UserError
from metaopt.samplers._base import History, Observation, Sampler
from metaopt.samplers._mutation import mutate
from metaopt.spaces import Vals
from metaopt.spaces.operators import cross

SELECTIONS = ("plus", "ageing")
PARENTS = ("tournament", "neutral")
SURVIVORS = ("best", "two-thirds")

# Generations after which the steps are 1/√2 times as wide as at the beginning.
_GENERATIONS = 5

# Members that a population has at least, under a scheduler: all children of one alike would be searched around it only.
_FEWEST = 3


@dataclass(frozen=True)
class Evolution(Sampler):
    """Mutation and recombination of good trials.

    The first ``mu`` trials that have a loss come from the prior. Only trials that were trained to the end are parents:
    where a scheduler pauses or stops most of them, more come from the prior until there are three. Then, by
    ``selection``:

    - ``"plus"``: a generation is ``lambda_`` children; of them and their parents together the best ``mu`` are the next
      parents, (μ+λ) selection (Beyer & Schwefel: Evolution strategies, 2002, doi:10.1023/A:1015059928466). With
      ``survivors="two-thirds"`` the best two thirds of ``mu`` are parents, and a generation is the other third.
    - ``"ageing"``: the population is the last ``mu`` trials, however good the older ones were (regularised evolution,
      Real et al. 2019, arXiv:1802.01548, algorithm 1).

    Trials that break measured limits stand behind those that keep them, ordered by how far they miss (a priori
    sorting), so a population moves towards the limits first.

    Attributes:
        mu: μ, size of the population.
        lambda_: λ, children in a generation.
        selection: ``"plus"`` or ``"ageing"``.
        parents: ``"tournament"``, the best of some members at random, or ``"neutral"``, any member.
        tournament: how many those are.
        survivors: ``"best"`` or ``"two-thirds"``, of (μ+λ) selection.
        recombination: probability that a child has two parents; else it is a mutation of one.
        width: standard deviation of a mutation's step at the beginning, relative to the range of the prior. After g
            generations of λ children it is divided by √(1 + g / 5): coarse steps first, fine ones later.

    Raises:
        UserError: a number or a name is none of these.
    """

    mu: int = 50
    lambda_: int = 10
    selection: str = "plus"
    parents: str = "tournament"
    tournament: int = 5
    survivors: str = "best"
    recombination: float = 0.5
    width: float = 0.2

    def __post_init__(self) -> None:
        for name, what in (("mu", "the population"), ("lambda_", "a generation"), ("tournament", "a tournament")):
            if getattr(self, name) < 1:
                raise UserError(
                    f"evolution: {what} of {getattr(self, name)} is empty; make {name.strip('_')} 1 or more"
                )
        for name, known in (("selection", SELECTIONS), ("parents", PARENTS), ("survivors", SURVIVORS)):
            if getattr(self, name) not in known:
                raise UserError(f"evolution: {name} is {getattr(self, name)!r}; take {' or '.join(known)}")
        if not 0 <= self.recombination <= 1:
            raise UserError(f"evolution: recombination is {self.recombination}; take a probability, 0 to 1")
        if not (self.width > 0 and math.isfinite(self.width)):
            raise UserError(f"evolution: width is {self.width}; take a number above 0, such as 0.2")

    def propose(self, n: int, history: History, running: Sequence[Vals], rng: np.random.Generator) -> Vals:  # noqa: ARG002
        """A draw from the prior before ``mu`` trials have a loss, then a child; see ``Sampler.propose``.

        The parent that a child names is the better one, if it has two.
        """
        population = self.population(history)
        if not population or not history.space.parameters:
            return history.space.draw(rng)

        space = history.space
        born = sum(one.has_loss for one in history.observations) - self.mu
        width = self.width / math.sqrt(1 + born / self.lambda_ / _GENERATIONS)
        rank = self._pick(len(population), rng)
        child: Vals | None = None
        if len(population) > 1 and rng.random() < self.recombination:
            other = self._pick(len(population) - 1, rng)
            other += other >= rank  # another one
            rank, other = sorted((rank, other))
            child = cross(space, population[rank].vals, population[other].vals, rng)
            if child in (population[rank].vals, population[other].vals):  # parents that are much alike
                child = None
        if child is None:
            child = mutate(space, population[rank].vals, rng, width)
        child.model_based = True
        child.parent = population[rank].trial
        return child

    def population(self, history: History) -> list[Observation]:
        """The trials from which the next one can descend, the best first; none before ``mu`` trials have a loss.

        Only trials that were trained to the end are members. Under a scheduler few of them are; then three are enough
        to begin with, and there are fewer than ``mu`` for a while.
        """
        known = [one for one in history.observations if one.has_loss]
        if len(known) < self.mu:
            return []
        ended = [one for one in known if one.is_complete]
        if len(ended) < min(self.mu, _FEWEST):
            return []
        if self.selection == "ageing":
            return _ranked(history, ended[-self.mu :])
        kept = math.ceil(2 * self.mu / 3) if self.survivors == "two-thirds" else self.mu
        generation = max(1, self.mu - kept) if self.survivors == "two-thirds" else self.lambda_
        # The best of the best so far and of the next generation are the best of both together, so only the trials of a
        # generation that is not complete are to be left out.
        complete = self.mu + max(0, len(ended) - self.mu) // generation * generation
        return _ranked(history, ended[:complete])[:kept]

    def _pick(self, size: int, rng: np.random.Generator) -> int:
        """The rank of a parent in a population of that size, the best of which has rank 0."""
        if self.parents == "neutral":
            return int(rng.integers(size))
        return int(rng.choice(size, size=min(self.tournament, size), replace=False).min())


def _ranked(history: History, observations: Sequence[Observation]) -> list[Observation]:
    return History(history.space, tuple(observations)).ranked()
