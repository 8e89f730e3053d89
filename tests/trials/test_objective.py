"""Objectives: losses and scores."""

import math

import pytest

from metaopt.errors import UserError
from metaopt.trials.objective import OBJECTIVES, find_objective, find_objectives


def test_a_maximised_metric_is_its_negated_loss():
    objective = find_objective("val_accuracy")
    assert objective.loss({"val_accuracy": 0.75}, 1.0) == -0.75
    assert objective.value(-0.75) == 0.75
    assert objective.score(-0.75) == 0.75


def test_convergence_equals_its_formula():
    """log(val_loss + 1) · log(seconds + 1)."""
    objective = find_objective("convergence")
    assert objective.loss({"val_loss": math.e - 1}, math.e**2 - 1) == pytest.approx(2.0)
    assert objective.losses([{"val_loss": 1.0}] * 2, [3.0, 4.0])[1] == pytest.approx(math.log(2) * math.log(8))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_scores_lie_in_0_to_1_and_grow_with_quality(name):
    objective = OBJECTIVES[name]
    losses = [-1, -0.7, -0.2, 0] if objective.maximised else [0, 0.1, 1, 1e6]
    if not (objective.maximised or objective.nonnegative):
        losses = [-1e6, -1, *losses]
    scores = [objective.score(loss) for loss in losses]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == len(scores)
    assert all(0 <= score <= 1 for score in scores)


def test_scores_of_losses_equal_their_formula():
    assert find_objective("val_loss").score(3.0) == 0.25
    assert find_objective("loss").score(-1.0) == pytest.approx(0.75)


def test_an_unknown_objective_names_the_nearest():
    with pytest.raises(UserError, match="Did you mean val_accuracy"):
        find_objective("val_acuracy")


def test_a_negative_loss_has_the_best_score():
    assert find_objective("val_loss").score(-1.0) == 1.0


def test_another_metric_has_its_direction_behind_its_name():
    recall = find_objective("recall:max")
    assert (recall.name, recall.text, recall.maximised) == ("recall", "recall:max", True)
    assert find_objective("val_accuracy:max") is find_objective("val_accuracy")
    assert recall.loss({"recall": 0.75}, 0.0) == -0.75


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["val_accuracy", "val_accuracy"], "val_accuracy is given twice"),
        (["val_accuracy", "recall:max", "recall:min"], "recall cannot be both minimised and maximised"),
        (["val_accuracy:min"], "val_accuracy is maximised, so val_accuracy:min is no objective: write val_accuracy"),
        (["params", "val_accuracy"], "Invalid first objective: params.*before params"),
        (["val_loss", "convergence"], "convergence .* cannot be one of several"),
        (["val_accuracy", "loss"], "loss can only be the first one"),
        (["val_accuracy", "parms"], "Unknown objective: parms. Did you mean params\\?"),
        (["val_accuracy", "a b"], "Invalid value for objective: a b"),
        ([], "No objective was given"),
    ],
)
def test_objectives_that_do_not_go_together_are_refused(texts, message):
    with pytest.raises(UserError, match=message):
        find_objectives(texts)


@pytest.mark.parametrize(
    ("name", "is_maximised"),
    [("val_age_mae", False), ("val_age_r2", True), ("val_my_tags_f1", True), ("val_coarse_balanced_accuracy", True)],
)
def test_metrics_of_heads_are_objectives(name: str, is_maximised: bool) -> None:
    objective = find_objective(name)
    assert (objective.name, objective.maximised) == (name, is_maximised)
    assert objective.value(objective.loss({name: 0.25}, 0.0)) == 0.25


@pytest.mark.parametrize("name", ["val_r2", "val_psnr", "val_mae", "val_map", "val_balanced_accuracy"])
def test_scores_grow_with_quality_within_0_and_1(name: str) -> None:
    objective = find_objective(name)
    values = [0.0, 0.2, 0.9] if objective.bounded else [-3.0, 0.2, 0.9, 1.0, 25.0, 40.0]
    scores = [objective.score(objective.loss({name: value}, 0.0)) for value in values]
    assert scores == sorted(scores, reverse=not objective.maximised)
    assert len(set(scores)) == len(scores)
    assert all(0 <= score <= 1 for score in scores)


def test_other_names_are_no_objectives() -> None:
    for name in ("val_age_max", "age_mae"):
        with pytest.raises(UserError, match="Unknown objective"):
            find_objective(name)
