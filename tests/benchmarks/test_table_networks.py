import pytest
from hyperopt import hp

from benchmarks.peers.catalogue import PROBLEMS
from benchmarks.peers.table_networks import grid_networks, sample_networks
from metaopt.errors import UserError
from metaopt.guard.guard import Guard
from metaopt.problems.loading import load_problem
from metaopt.problems.problem import Problem
from metaopt.spaces import Space, compile_space
from metaopt.trials.constraints import parse_constraints
from tests.benchmarks.tables_for_tests import make_space


def test_grid_has_each_point_of_a_conditional_space_once() -> None:
    space = compile_space(make_space())
    networks = grid_networks(space, Guard(Problem(make_space())))
    assert len(networks) == len({tuple(sorted(vals.items())) for vals in networks}) == 18
    assert all(("width" in vals) == (vals["layers"] == 1) for vals in networks)


def test_grid_of_a_continuous_parameter_is_refused() -> None:
    space = {"rate": hp.uniform("rate", 0, 1)}
    with pytest.raises(UserError, match="rate is uniform and has no finite number of values"):
        grid_networks(compile_space(space), Guard(Problem(space)))


def make_stacks() -> tuple[Space, Guard]:
    problem = load_problem(str(PROBLEMS / "conv_stack_1_to_6.py"))
    guard = Guard(problem, (8, 8, 1), {"label": 10}, parse_constraints(["macs<=2e6"]))
    return compile_space(problem.space), guard


def test_longer_sample_begins_with_the_shorter_one() -> None:
    space, guard = make_stacks()
    sample = sample_networks(space, guard, 8, seed=0)
    assert sample[:5] == sample_networks(space, guard, 5, seed=0)
    assert sample != sample_networks(space, guard, 8, seed=1)
    assert all(guard.judge(space.point(vals), set(), vals).reason is None for vals in sample)


def test_sample_of_too_few_networks_is_refused() -> None:
    expression = {"n": hp.choice("n", [1, 2])}
    with pytest.raises(UserError, match="Only 2 of 3 networks"):
        sample_networks(compile_space(expression), Guard(Problem(expression)), 3, seed=0)


def test_balanced_sample_has_each_option_equally_often() -> None:
    space, guard = make_stacks()
    sample = sample_networks(space, guard, 12, seed=0, balance="n_blocks")
    assert [vals["n_blocks"] for vals in sample] == [*range(6), *range(6)]


@pytest.mark.parametrize("label", ["n_block", "learning_rate", "block_0_pool_size"])
def test_sample_is_balanced_by_unconditional_choices_only(label: str) -> None:
    space, guard = make_stacks()
    with pytest.raises(UserError, match=f"balance the sample by: {label}. Expected an unconditional choice: n_blocks"):
        sample_networks(space, guard, 2, seed=0, balance=label)
