"""Random search: every proposal is a draw from the prior."""

from collections.abc import Sequence

import numpy as np

from metaopt.samplers._base import History, Sampler
from metaopt.spaces import Vals


class Random(Sampler):
    """Draws from the prior; earlier trials have no influence."""

    def propose(self, n: int, history: History, running: Sequence[Vals], rng: np.random.Generator) -> Vals:  # noqa: ARG002
        """Draw from the prior; see ``Sampler.propose``."""
        return history.space.draw(rng)
