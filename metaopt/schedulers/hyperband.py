"""Hyperband: successive halving over brackets, from many short trials to a few long ones."""

from dataclasses import dataclass

from metaopt.schedulers.brackets import Bracket
from metaopt.schedulers.halving import Halving


@dataclass(frozen=True)
class Hyperband(Halving):
    """Hyperband (Li et al. 2018, arXiv:1603.06560, algorithm 1), with the attributes of ``Halving``.

    It runs all brackets from s_max down to 0, then from s_max again, until the goal of trials is reached. Each bracket
    is run as by ``Halving``.
    """

    def rungs(self, number: int) -> Bracket:
        """See ``Halving.rungs``."""
        return self._brackets[number % len(self._brackets)]
