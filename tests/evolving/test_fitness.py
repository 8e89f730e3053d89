"""Fitness of a member."""

import pytest

from metaopt.errors import UserError
from metaopt.evolving import find_fitness
from metaopt.evolving.fitness import evaluate


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fall and last", (0.9 - 0.6) - 0.6),  # of MIHA, with the validation loss
        ("last", -0.6),
        ("lowest", -0.5),
    ],
)
def test_fitness_of_losses(name, expected):
    assert evaluate(find_fitness(name), [0.9, 0.5, 0.6]) == pytest.approx(expected)


def test_with_one_epoch_only_the_last_loss_counts():
    assert evaluate(find_fitness("fall and last"), [0.25]) == -0.25


def test_a_fitness_that_is_no_finite_number_is_none():
    assert evaluate(lambda losses: float("nan"), [1.0]) is None
    assert evaluate(find_fitness("last"), []) is None


def test_an_unknown_fitness_is_refused():
    with pytest.raises(UserError, match=r"Unknown fitness: lst. Did you mean last"):
        find_fitness("lst")
    with pytest.raises(UserError, match=r"Invalid value for fitness: int. Expected one of fall and last"):
        find_fitness(3)
    with pytest.raises(UserError, match=r"fitness returned str. Expected a number"):
        evaluate(lambda losses: "high", [1.0])
