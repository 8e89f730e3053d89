"""History of a sampler: ranks and results at one resource."""

import math

from hyperopt import hp

from metaopt.samplers import History, Observation, Vals
from metaopt.spaces import compile_space
from tests.samplers.observing import observe


def test_ranked_orders_by_feasibility_violation_and_loss() -> None:
    def one(trial: int, loss: float | None, violation: float = 0.0) -> Observation:
        return observe(trial, Vals({"x": 0.5}), loss, feasible=violation == 0, violation=violation)

    observations = (
        one(0, 3.0),
        one(1, None),
        one(2, -9.0, violation=0.5),
        one(3, 1.0),
        one(4, math.nan),
        one(5, 8.0, violation=0.1),
        one(6, 1.0),
        one(7, -math.inf),
        one(8, -10.0, violation=0.5),
    )
    history = History(compile_space({"x": hp.uniform("x", 0, 1)}), observations)
    assert [best.trial for best in history.ranked()] == [3, 6, 0, 5, 8, 2]
