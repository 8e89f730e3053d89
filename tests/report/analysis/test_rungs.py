"""What records tell of rungs, on records of the real search loop."""

from metaopt.report.analysis.rungs import budget_unit, budgets, has_rungs, visits_of
from tests.report.making import Record, make_failure, make_record


def test_a_search_over_rungs_is_told_by_its_records(rung_records: list[Record]) -> None:
    assert has_rungs(rung_records)
    assert budgets(rung_records) == [1, 3, 9]
    assert budget_unit(rung_records) == "epochs"


def test_records_of_a_search_without_rungs_have_none(records: list[Record]) -> None:
    assert not has_rungs(records)
    assert budgets(records) == []


def visit(to: int, epochs: int, loss: float | None = -0.5) -> dict:
    return {"to": to, "epochs": epochs, "loss": loss, "feasible": True, "ended": 1.0, "spent": 1}


def test_where_seconds_are_the_budget_epochs_differ_from_it() -> None:
    assert budget_unit([make_record(0, visits=[visit(60, 14), visit(180, 40)])]) == "seconds"
    # One that stopped early has fewer epochs than it was to have, at its last rung alone.
    assert budget_unit([make_record(0, visits=[visit(3, 3), visit(27, 14)])]) == "epochs"


def test_what_was_stopped_on_its_way_makes_no_budget() -> None:
    stopped = make_record(0, visits=[visit(3, 3), visit(5, 5)], complete=False, paused=False)
    paused = make_record(1, visits=[visit(9, 9)], complete=False, paused=True)
    assert budgets([stopped, paused]) == [3, 9]


def test_a_rung_without_a_loss_is_none() -> None:
    assert visits_of(make_record(0, visits=[visit(1, 1, None), visit(3, 3, float("nan")), visit(9, 9)])) == [
        visit(9, 9)
    ]
    assert visits_of(make_failure(0)) == []
