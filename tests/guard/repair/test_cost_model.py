"""Cost model: totals equal the counts of the blueprint, also after widths moved; limits are kept by narrowing."""

import numpy as np
import pytest
from hyperopt import hp

from metaopt.blueprint import Add, Blueprint, Concatenate, Conv2D, Dense, Flatten, Input
from metaopt.guard.repair.cost_model import CostModel, narrow_to_limits
from metaopt.trials.constraints import parse_constraints
from tests.guard.cases import CLASSES, FLOWERS, REFERENCE, draws
from tests.guard.repair.traces import traced

SPACE = {f"width_{i}": hp.qloguniform(f"width_{i}", 0, 5, 1) for i in range(3)}
VALS = {"width_0": 8.0, "width_1": 16.0, "width_2": 4.0}


def chain(point):
    x = inputs = Input((8, 8, 1))
    x = Conv2D(point["width_0"], 3, padding="same")(x)
    x = Conv2D(point["width_1"], 3, padding="same")(x)
    x = Flatten()(x)
    return Blueprint(inputs, Dense(10)(Dense(point["width_2"])(x)))


def model_of(network, vals=VALS, expression=SPACE):
    case = traced(expression, network)
    state = case.state(vals)
    return case, state, CostModel(state, case.evaluator)


def assert_totals(case, state, costs):
    blueprint = case.network(case.space.point(state.vals))
    assert costs.totals == pytest.approx({"params": blueprint.params, "macs": blueprint.macs})


def test_totals_and_costs_of_a_chain():
    case, state, costs = model_of(chain)
    # 9·1·8 + 8, 9·8·16 + 16, 64·16·4 + 4, 4·10 + 10
    assert [costs.cost("params", number) for number in range(6)] == [0, 80, 1168, 0, 4100, 50]
    assert [costs.cost("macs", number) for number in range(6)] == [0, 72 * 64, 1152 * 64, 0, 4096, 40]
    assert costs.labels == ["width_0", "width_1", "width_2"]
    assert_totals(case, state, costs)


def test_moved_width_updates_all_dependent_costs():
    case, state, costs = model_of(chain)
    for label, value in [("width_1", 5.0), ("width_0", 31.0), ("width_2", 1.0)]:
        costs.move(label, value)
        assert_totals(case, state, costs)
    assert state.moved == set(SPACE)


def test_costliest_step_and_its_width_labels():
    _, _, costs = model_of(chain)
    assert costs.costliest("params", set()) == 4
    assert costs.costliest("params", {4}) == 2
    assert costs.costliest("macs", set()) == 2
    assert costs.costliest("macs", {1, 2, 4, 5}) is None
    assert costs.width_labels(4) == ["width_2", "width_1"]
    assert costs.width_labels(1) == ["width_0"]


def test_concatenated_widths_add_up():
    def network(point):
        x = inputs = Input((8, 8, 1))
        parts = [Conv2D(point[label], 1)(x) for label in ("width_0", "width_1")]
        return Blueprint(inputs, Conv2D(point["width_2"], 3)(Concatenate()(parts)))

    case, state, costs = model_of(network)
    assert_totals(case, state, costs)
    costs.move("width_1", 2.0)
    assert_totals(case, state, costs)
    assert costs.width_labels(4) == ["width_2", "width_0", "width_1"]


def test_projections_follow_the_width_they_are_added_to():
    def network(point):
        x = inputs = Input((8, 8, 1))
        y = Conv2D(point["width_0"], 3, padding="same")(x)
        return Blueprint(inputs, Add()([y, Conv2D(y.shape[2], 1)(x)]))

    case, state, costs = model_of(network)
    costs.move("width_0", 20.0)
    assert costs.totals["params"] == (9 * 20 + 20) + (20 + 20)
    assert_totals(case, state, costs)


def test_shared_layers_count_parameters_once():
    def network(point):
        x = inputs = Input((8, 8, 4))
        shared = Conv2D(point["width_2"], 3, padding="same")
        return Blueprint(inputs, Conv2D(point["width_0"], 1)(shared(shared(x))))

    case, state, costs = model_of(network)
    assert costs.cost("params", 1) == 9 * 4 * 4 + 4
    assert costs.cost("params", 2) == 0
    assert costs.cost("macs", 1) == costs.cost("macs", 2) == 9 * 4 * 4 * 64
    assert_totals(case, state, costs)


@pytest.mark.parametrize(("problem", "side"), [(FLOWERS, 64), (REFERENCE, 32)])
def test_totals_agree_with_the_blueprint(problem, side):
    case = traced(problem.space, lambda point: problem.network(point, (side, side, 3), CLASSES))
    compared = 0
    for vals in draws(case.space, 25):
        state = case.state(vals)
        if state.is_valid:
            assert_totals(case, state, CostModel(state, case.evaluator))
            compared += 1
    assert compared > 10


def narrowed(*limits, seed=0, vals=VALS):
    case, state, _ = model_of(chain, vals)
    narrow_to_limits(state, case.evaluator, parse_constraints(limits), case.grid, np.random.default_rng(seed))
    return case.network(case.space.point(state.vals)), state


@pytest.mark.parametrize("seed", range(4))
def test_widths_are_narrowed_to_all_limits(seed):
    vals = {"width_0": 100.0, "width_1": 120.0, "width_2": 90.0}
    blueprint, state = narrowed("params<=5000", "macs<=200000", seed=seed, vals=vals)
    assert blueprint.params <= 5000
    assert blueprint.macs <= 200_000
    assert blueprint.params > 1500 or blueprint.macs > 60_000  # not further than needed
    assert all(1 <= state.vals[label] <= value for label, value in vals.items())


def test_networks_within_the_limits_are_not_narrowed():
    _, state = narrowed("params<=6000", "macs<=90000")
    assert state.moved == set()


def test_widths_end_at_their_smallest_values():
    _, state = narrowed("params<=10")
    assert dict(state.vals) == {"width_0": 1, "width_1": 1, "width_2": 1}


def test_other_limits_are_ignored():
    assert narrowed("memory<=10")[1].moved == set()
    assert narrowed("params<=0")[1].moved == set()
