"""Evolution: new trials descend from the best trials.

The population is not stored. It is derived from the ended trials, so an interrupted search resumes with the same
proposals.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from metaopt.errors import invalid_value
from metaopt.samplers._base import History, Observation, Sampler
from metaopt.samplers.mutation import mutate, redraw
from metaopt.spaces import Vals
from metaopt.spaces.operators import cross

SELECTIONS = ("plus", "ageing")
PARENTS = ("tournament", "neutral")
SURVIVORS = ("best", "two-thirds")
MUTATIONS = ("step", "redraw")

# Number of generations after which the width of a step has decreased by a factor of 1/√2.
_GENERATIONS = 5

# Under several objectives, a few dozen trials must cover a whole front, not approach one point: a generation has one
# child, as in the steady-state NSGA-II (Durillo et al., EMO 2009, LNCS 5467), recombination is as
# probable as in NSGA-II (Deb et al. 2002), and steps are wide. Chosen on ZDT1, ZDT2 and the table of
# benchmarks/pareto.py, seeds 0 to 39.
STEADY_STATE_LAMBDA = 1
_RECOMBINATION_OF_FRONTS, _WIDTH_OF_FRONTS = 0.9, 0.5

# Minimum number of members of a population under a scheduler. With fewer, all children would be near one trial.
_MIN_MEMBERS = 3


@dataclass(frozen=True)
class Evolution(Sampler):
    """Proposes mutations and recombinations of good trials.

    The first ``mu`` trials with a loss are draws from the prior. Only trials that were trained to the end are parents.
    If a scheduler pauses or stops most trials, further draws from the prior follow until there are three parents. Then
    ``selection`` determines the population:

    - ``"plus"``: a generation has ``lambda_`` children, and the best ``mu`` of parents and children are the next
      parents, (μ+λ) selection (Beyer & Schwefel: Evolution strategies, 2002, doi:10.1023/A:1015059928466). With
      ``survivors="two-thirds"``, the best two thirds of ``mu`` are parents, and a generation is the other third.
    - ``"ageing"``: the population is the last ``mu`` trials, whatever the rank of older ones (regularised evolution,
      Real et al. 2019, arXiv:1802.01548, algorithm 1).

    Under several objectives, trials rank by front and within a front by crowding distance, the survival of NSGA-II
    (Deb et al. 2002, doi:10.1109/4235.996017).

    Infeasible trials rank behind feasible ones, in the order of their constraint violation (a priori ranking), so a
    population first becomes feasible.

    Attributes:
        mu: μ, size of the population.
        lambda_: λ, number of children in a generation.
        selection: ``"plus"`` or ``"ageing"``.
        parents: ``"tournament"`` for the best of some random members, or ``"neutral"`` for a random member.
        tournament: number of members in a tournament.
        survivors: ``"best"`` or ``"two-thirds"``, for (μ+λ) selection.
        recombination: probability that a child has two parents; otherwise it is a mutation of one.
        mutation: ``"step"`` for Gaussian steps and block operators, see ``mutate``; ``"redraw"`` for one parameter that
            is drawn anew from its prior.
        width: initial standard deviation of a mutation step, relative to the range of the prior. After g generations of
            λ children it is divided by √(1 + g / 5), so steps become finer.

    Raises:
        UserError: an argument has an invalid value.
    """

    mu: int = 50
    lambda_: int = 10
    selection: str = "plus"
    parents: str = "tournament"
    tournament: int = 5
    survivors: str = "best"
    recombination: float = 0.5
    mutation: str = "step"
    width: float = 0.2

    @classmethod
    def of_fronts(cls, **given: Any) -> "Evolution":
        """Return a sampler for several objectives: with more recombination and wider steps, where none is given."""
        return cls(**{"recombination": _RECOMBINATION_OF_FRONTS, "width": _WIDTH_OF_FRONTS, **given})

    def __post_init__(self) -> None:
        for name in ("mu", "lambda_", "tournament"):
            if getattr(self, name) < 1:
                raise invalid_value(name, getattr(self, name), "Expected an integer >= 1.")
        named = {"selection": SELECTIONS, "parents": PARENTS, "survivors": SURVIVORS, "mutation": MUTATIONS}
        for name, known in named.items():
            if getattr(self, name) not in known:
                raise invalid_value(name, getattr(self, name), f"Expected {' or '.join(known)}.")
        if not 0 <= self.recombination <= 1:
            raise invalid_value("recombination", self.recombination, "Expected a probability, 0 to 1.")
        if not (self.width > 0 and math.isfinite(self.width)):
            raise invalid_value("width", self.width, "Expected a finite number > 0, such as 0.2.")

    def propose(self, n: int, history: History, running: Sequence[Vals], rng: np.random.Generator) -> Vals:  # noqa: ARG002
        """Draw from the prior before ``mu`` trials have a loss, then return a child; see ``Sampler.propose``.

        The ``parent`` of a child is the better one if it has two.
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
            other += other >= rank  # a different member
            rank, other = sorted((rank, other))
            child = cross(space, population[rank].vals, population[other].vals, rng)
            if child in (population[rank].vals, population[other].vals):  # the parents are very similar
                child = None
        if child is None:
            parent = population[rank].vals
            child = redraw(space, parent, rng) if self.mutation == "redraw" else mutate(space, parent, rng, width)
        child.model_based = True
        child.parent = population[rank].trial
        return child

    def population(self, history: History) -> list[Observation]:
        """Return the possible parents of the next trial, best first; empty before ``mu`` trials have a loss.

        Only trials that were trained to the end are members. Under a scheduler there are few of them, so three members
        are sufficient, and the population may have fewer than ``mu`` for some time.
        """
        known = [one for one in history.observations if one.has_loss]
        if len(known) < self.mu:
            return []
        ended = [one for one in known if one.is_complete]
        if len(ended) < min(self.mu, _MIN_MEMBERS):
            return []
        if self.selection == "ageing":
            return _ranked(history, ended[-self.mu :])
        kept = math.ceil(2 * self.mu / 3) if self.survivors == "two-thirds" else self.mu
        generation = max(1, self.mu - kept) if self.survivors == "two-thirds" else self.lambda_
        # The survivors of all complete generations are the best of all their trials, so it is sufficient to leave out
        # the trials of an incomplete generation.
        complete = self.mu + max(0, len(ended) - self.mu) // generation * generation
        return _ranked(history, ended[:complete])[:kept]

    def _pick(self, size: int, rng: np.random.Generator) -> int:
        """Draw the rank of a parent, from 0 for the best to ``size`` − 1."""
        if self.parents == "neutral":
            return int(rng.integers(size))
        return int(rng.choice(size, size=min(self.tournament, size), replace=False).min())


def _ranked(history: History, observations: Sequence[Observation]) -> list[Observation]:
    return History(history.space, tuple(observations)).ranked()
