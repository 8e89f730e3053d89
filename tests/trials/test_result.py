"""Results and the judge that makes them from training histories."""

import pytest
from scipy import stats

from metaopt.trials.constraints import parse_constraints
from metaopt.trials.objective import find_objective
from metaopt.trials.result import Judge, Result


def judged(metrics, constraints=(), objectives=("val_accuracy",), counts=None, **result):
    judge = Judge(tuple(map(find_objective, objectives)), parse_constraints(constraints))
    result = {"resource": len(metrics), "epochs": len(metrics), **result}
    return judge.judge(Result(**result), metrics, [2.0] * len(metrics), counts or {})


ROWS = ((0.5, 0.3, 3), (0.6, 0.5, 2), (0.7, 0.39, 1))
CURVE = [{"val_accuracy": a, "val_precision": p, "train": t} for a, p, t in ROWS]


def test_value_is_that_of_the_best_epoch():
    result = judged(CURVE)
    assert (result.values, result.loss, result.best_epoch, result.is_feasible) == ((-0.7,), -0.7, 3, True)


def test_measured_constraint_is_judged_where_it_is_met():
    result = judged(CURVE, ["val_precision>=0.4"])
    assert (result.best_epoch, result.is_feasible) == (2, True)
    assert result.constraints == {"val_precision>=0.4": pytest.approx(-0.1)}


def test_unmet_constraint_is_judged_at_the_best_epoch():
    result = judged(CURVE, ["val_precision>=0.6"])
    assert (result.best_epoch, result.is_feasible) == (3, False)
    assert result.violation == pytest.approx(0.21 / 0.6)


def test_epochs_after_the_result_do_not_count():
    result = judged(CURVE, epochs=1)
    assert (result.loss, result.best_epoch, result.training_loss) == (-0.5, 1, 3)


def test_constraints_on_counts_and_seconds():
    result = judged(CURVE, ["params<=100", "seconds<=5"], counts={"params": 150})
    assert result.constraints == {"params<=100": 50, "seconds<=5": 1.0}


def test_training_loss_falls_back_to_the_total():
    assert judged([{"val_accuracy": 0.1, "loss": 4.0}]).training_loss == 4.0
    assert judged([{"val_accuracy": 0.1}]).training_loss == 0.0


def test_returned_loss_has_no_best_epoch():
    result = judged([], ["size<=3"], ("loss",), epochs=2, returned={"loss": 1.5, "size": 4})
    assert (result.values, result.best_epoch, result.is_feasible) == ((1.5,), None, False)


def test_constraint_on_a_non_number_leaves_no_value():
    result = judged([], ["size<=3"], ("loss",), returned={"loss": 1.5, "size": "big"})
    assert (result.values, result.loss, result.constraints) == ((), None, {})


def test_no_epochs_give_no_value():
    assert judged([]).values == ()


def test_the_first_objective_chooses_the_epoch_of_all():
    rows = [{"val_accuracy": 0.5, "val_loss": 0.1}, {"val_accuracy": 0.6, "val_loss": 0.9}]
    assert judged(rows, objectives=("val_accuracy", "val_loss")).values == (-0.6, 0.9)


def test_a_limit_with_confidence_is_judged_by_counts():
    counts = [{"val_hits[a]": hits, "val_predicted[a]": 60} for hits in (60, 59, 50)]
    curve = [{**each, **more} for each, more in zip(CURVE, counts, strict=True)]
    result = judged(curve, ["precision[a]>=0.92@95%"])
    assert (result.best_epoch, result.is_feasible) == (2, True)  # 59 of 60 have the bound 0.9234
    assert result.constraints == {"precision[a]>=0.92@95%": pytest.approx(0.92 - stats.beta.ppf(0.05, 59, 2))}
