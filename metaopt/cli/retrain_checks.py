"""Checks of the flags of ``metaopt retrain`` before anything is trained."""

from collections.abc import Mapping
from typing import Any

from metaopt.data import DataSet
from metaopt.errors import UserError
from metaopt.problems.problem import Problem
from metaopt.terminal.printable import printable
from metaopt.terminal.wrapping import print_wrapped
from metaopt.training.temperature import has_probabilities

RECIPE = ("schedule", "label_smoothing", "mixup", "weight_decay")  # flags that are fields of ``Training``
COMPILED = ("schedule", "label_smoothing", "weight_decay")  # those without effect on a model of ``build_model``


def refuse_without_effect(problem: Problem, recipe: Mapping[str, Any]) -> None:
    """Refuse flags that have no effect on a model that the user compiles."""
    given = [f"--{name.replace('_', '-')}" for name in COMPILED if name in recipe]
    if given and not problem.has_blueprint:
        have = "has" if len(given) == 1 else "have"
        raise UserError(
            f"{' and '.join(given)} {have} no effect on {problem.name}, whose build_model compiles its own models:"
            " change build_model instead."
        )


def warn_of_own_training(problem: Problem) -> None:
    """Note that the training of the problem is not used, because it needs validation images."""
    own = problem.build_and_train
    if own is not None and "metaopt.training" not in getattr(getattr(own, "__code__", None), "co_names", ()):
        name = printable(problem.name)
        print_wrapped(f"note: The build_and_train of {name} is not used: the final training is that of metaopt.")


def refuse_flags_of_other_data(data: DataSet, *, mirror: bool, temperature: bool) -> None:
    """Refuse flags that have no meaning for the kind of inputs or outputs.

    Raises:
        UserError: One is given.
    """
    if mirror and data.standardization is not None:
        raise UserError(
            f"--mirror averages images and their mirror images, but the data are {data.noun}s: leave it out."
        )
    if temperature and not any(map(has_probabilities, data.outputs.values())):
        kinds = " and ".join(sorted({output.kind for output in data.outputs.values()}))
        raise UserError(
            f"--temperature adjusts probabilities of classes or labels, but the targets of {data.name} are of kind"
            f" {kinds}: leave it out."
        )
