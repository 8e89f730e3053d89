"""Folds of a new study: their number by default, and what they cost."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from metaopt.data import DataSet
from metaopt.data.fold_count import choose_fold_count
from metaopt.engine.callbacks import Callback
from metaopt.engine.fold_settings import find_race_obstacle
from metaopt.engine.settings import Settings
from metaopt.errors import UserError
from metaopt.problems.problem import Problem
from metaopt.training.trainer import takes_run


def with_folds(
    settings: Settings, given: Mapping[str, Any], problem: Problem, data: DataSet, callback: Callback
) -> Settings:
    """Return the settings of a new study with its folds, and tell what they cost.

    A budget in seconds stays that of one network, and so does a training of the user's own that knows of no folds.

    Args:
        settings: settings so far.
        given: settings that the user gave; without ``folds`` for ``auto``.
        problem: the problem.
        data: the data set.
        callback: is told what the user should know.

    Raises:
        UserError: A race is given with early stopping.
    """
    own = problem.build_and_train is not None and not takes_run(problem.build_and_train)
    is_chosen = "folds" not in given and settings.budget_unit == "epochs" and not own
    if is_chosen:
        folds, repeats = choose_fold_count(data)
        settings = replace(settings, folds=folds, repeats=given.get("repeats", repeats))
    if "race" not in given:
        settings = replace(settings, race=find_race_obstacle(settings) is None and not _ends_early(settings))
    check_race(settings, given)
    if is_chosen and settings.folds > 1:
        callback.note(_describe(settings, data))
    return settings


def check_race(settings: Settings, given: Mapping[str, Any]) -> None:
    """Check that no race is given beside early stopping, or early stopping beside a race.

    Studies of earlier versions that have both go on with them.

    Raises:
        UserError: One is.
    """
    if settings.race and _ends_early(settings) and not given.keys().isdisjoint({"race", "early_stopping"}):
        raise UserError(
            "--race compares folds after the same epochs, but early stopping ends each at its own: give"
            " --early-stopping 0, or leave --race out."
        )


def _ends_early(settings: Settings) -> bool:
    """Return whether early stopping can end a fold, which is then worse than the best epoch of a mean of all folds."""
    return settings.early_stopping is not None and settings.early_stopping < settings.epochs


def _describe(settings: Settings, data: DataSet) -> str:
    """Return what the folds cost."""
    n = len(data.everything())
    repeated = f", repeated {settings.repeats} times" if settings.repeats > 1 else ""
    race = " A trial that cannot win any more ends after its first folds." if settings.race else ""
    return (
        f"Each trial trains {settings.n_trainings} networks, on {settings.folds} stratified folds{repeated}, because"
        f" {n:,} training and validation {data.noun}s are few for a choice.{race} To train one network for each trial,"
        " give --folds 1."
    )
