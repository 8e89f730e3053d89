from pathlib import Path

import pytest

from benchmarks.peers.parameters import describe_parameters, suggest_values, to_vals
from benchmarks.peers.simulation import BudgetSpent, Simulation
from benchmarks.peers.tables import Table
from metaopt.errors import UserError
from metaopt.spaces import compile_space
from metaopt.zoo import conv_stack, photo_cnn
from tests.benchmarks.tables_for_tests import EPOCHS, load_rows, make_rows

BEST = {"rate": 1, "norm": 1, "layers": 1, "width": 1}


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return load_rows(tmp_path, make_rows())


def test_resumed_trial_pays_for_new_epochs_only(table: Table) -> None:
    simulation = Simulation(table, 10)
    trial = simulation.start(BEST)
    trial.train_to(3)
    assert simulation.cost == pytest.approx(4 / (EPOCHS + 1))
    trial.train_to(EPOCHS)
    assert simulation.cost == pytest.approx(1)
    assert simulation.course.epochs == EPOCHS


def test_same_values_resume_where_a_library_leaves_it_to_the_user(table: Table) -> None:
    simulation = Simulation(table, 10)
    simulation.start_or_resume(BEST, 3).train_to(3)
    assert simulation.start_or_resume(BEST, 9).epochs == 3


def test_same_values_at_a_resource_they_had_are_trained_anew(table: Table) -> None:
    simulation = Simulation(table, 10)
    simulation.start_or_resume(BEST, 3).train_to(3)
    again = simulation.start_or_resume(BEST, 3)
    again.train_to(3)
    assert simulation.cost == pytest.approx(8 / (EPOCHS + 1))


def test_different_proposals_of_a_sample_are_different_networks(tmp_path: Path) -> None:
    few = [row for row in make_rows() if row["config"]["rate"] == 0.01][:3]
    simulation = Simulation(load_rows(tmp_path, few, complete=False), 10)
    ids = [simulation.start({**BEST, "rate": rate}).network.id for rate in (0, 2, 0)]
    assert ids[0] == ids[2]
    assert len(set(ids)) == 2
    others = [simulation.start({**BEST, "rate": rate, "norm": 0}).network.id for rate in (0, 2)]
    assert len({*ids, others[0]}) == 3
    assert others[1] in ids + others, "all networks are used, so the nearest one is used again"


def test_epoch_beyond_the_budget_does_not_count(table: Table) -> None:
    simulation = Simulation(table, 0.45)  # 4.5 s: the first epoch costs 2, the others 1
    with pytest.raises(BudgetSpent):
        simulation.start(BEST).train_to(EPOCHS)
    assert [round(step.cost, 3) for step in simulation.course.steps] == [0.2, 0.3, 0.4]


def test_steps_hold_both_errors_of_the_incumbent(table: Table) -> None:
    simulation = Simulation(table, 10)
    simulation.start(BEST).train_to(EPOCHS)
    simulation.start({**BEST, "rate": 0}).train_to(EPOCHS)
    last = simulation.course.steps[-1]
    assert last.error == table.final_errors.min()
    assert last.test_error == pytest.approx(last.error + 0.01)
    assert last.cost == pytest.approx(1)


def test_method_that_never_trains_is_stopped(table: Table) -> None:
    simulation = Simulation(table, 1)
    trial = simulation.start(BEST)
    for _ in range(200):
        trial.train_to(1)
    with pytest.raises(RuntimeError, match="201 decisions"):
        trial.train_to(1)


def test_parameters_keep_order_scale_and_conditions() -> None:
    by_label = {one.label: one for one in describe_parameters(compile_space(photo_cnn.space))}
    assert (by_label["filters"].kind, by_label["filters"].low, by_label["filters"].high) == ("integer", 12, 96)
    assert by_label["filters"].log
    assert by_label["learning_rate"].kind == "float"
    assert by_label["stages"].options == (0, 1, 2)
    stack = {one.label: one for one in describe_parameters(compile_space(conv_stack.make_space(1, 6)))}
    assert not stack["block_0_kernel"].is_conditional
    assert stack["block_5_kernel"].is_active({"n_blocks": 5})
    assert not stack["block_5_kernel"].is_active({"n_blocks": 4})


def test_every_suggestion_is_a_draw_of_the_space() -> None:
    space = compile_space(conv_stack.make_space(1, 6))
    for pick in (lambda one: one.low, lambda one: one.high, lambda one: (one.low + one.high) // 2 or one.high):
        values = suggest_values(describe_parameters(space), pick)
        assert to_vals(space, values).keys() == values.keys()


def test_values_outside_the_bounds_are_named(table: Table) -> None:
    with pytest.raises(UserError, match=r"rate is 2\.6\. Expected 0 to 2"):
        Simulation(table, 1).start({**BEST, "rate": 2.6})
    with pytest.raises(UserError, match="norm"):
        Simulation(table, 1).start({"rate": 1, "layers": 0})


def test_rounding_errors_and_inactive_values_are_accepted(table: Table) -> None:
    assert to_vals(table.space, {"rate": 2.0000001, "norm": "1", "layers": 0, "width": 1}) == {
        "rate": 2.0,
        "norm": 1,
        "layers": 0,
    }
