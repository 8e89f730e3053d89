"""Candidates for new trials: draws from the prior, and mutations of the best trials."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from metaopt.samplers import value_key
from metaopt.samplers.mutation import mutate_best
from metaopt.spaces import Space, Vals

_DRAWS, _MUTANTS = 512, 256
_MAX_VALUES = 40_000  # values of all candidates together, which bounds the time in spaces with hundreds of parameters


def make_candidates(
    space: Space,
    best: Sequence[Vals],
    is_tried: Callable[[Mapping[str, float]], bool],
    rng: np.random.Generator,
) -> list[Vals]:
    """Return different candidates that were not tried; some that were if there are no others.

    In a space of stacked blocks, most parameters of a draw from the prior differ from those of the best trials. The
    operators of an evolution, which insert, delete, duplicate and swap blocks, are then the better candidates, so the
    share of draws falls with the number of parameters.

    Args:
        space: the space, with at least one parameter.
        best: the best trials, the parents of mutations.
        is_tried: whether a draw was trained before.
        rng: the only source of randomness.
    """
    share = min(1.0, _MAX_VALUES / (_DRAWS + _MUTANTS) / len(space.parameters))
    draws = [space.draw(rng) for _ in range(max(16, int(_DRAWS * share**2)))]
    if best:
        draws += mutate_best(space, best, max(64, int(_MUTANTS * share)), rng)
    different = {value_key(vals): vals for vals in draws}
    return [vals for vals in different.values() if not is_tried(vals)] or draws
