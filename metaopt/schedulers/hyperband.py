"""Hyperband: successive halving with one bracket after the other, from many short trials to a few long ones."""

from dataclasses import dataclass

from metaopt.schedulers.brackets import Bracket
from metaopt.schedulers.halving import Halving


@dataclass(frozen=True)
class Hyperband(Halving):
    """Hyperband (Li et al. 2018, arXiv:1603.06560, algorithm 1): all brackets from s_max down to 0, then from s_max
    again, until the goal of trials is reached; each is run as by ``Halving``, whose attributes these are.
    """

    def rungs(self, number: int) -> Bracket:
        """See ``Halving.rungs``."""
        return self._brackets[number % len(self._brackets)]
