"""Observations for tests, from a loss at one resource or at several rungs."""

from collections.abc import Sequence

from metaopt.samplers import Observation, Vals
from metaopt.trials.result import Result


def observe(
    trial: int,
    vals: Vals,
    loss: float | None,
    resource: int = 1,
    feasible: bool = True,
    violation: float = 0.0,
    losses: Sequence[tuple[int, float]] = (),
    violations: Sequence[float] = (),
    full: bool = True,
) -> Observation:
    """An observation with one result, or with one for each pair of resource and loss in ``losses``."""
    assert feasible == (violation == 0)
    if loss is None:
        return Observation(trial, vals, (), full)
    pairs = list(losses) or [(resource, loss)]
    missed = list(violations) or [violation] * len(pairs)
    results = [Result(to, to, (each,), violation=miss) for (to, each), miss in zip(pairs, missed, strict=True)]
    return Observation(trial, vals, tuple(results), full)
