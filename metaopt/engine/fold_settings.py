"""Settings of folds: which go together, and whether a study can race over its folds."""

from metaopt.engine.settings import Settings
from metaopt.engine.strategy import POPULATION_BASED
from metaopt.errors import UserError

LEAST_RACE = 3
"""Smallest number of folds of a race: a trial is tested after two at the earliest."""


def check_folds(settings: Settings) -> None:
    """Check that the settings of folds go together.

    Raises:
        UserError: Repeats without folds, or a race that the other settings exclude.
    """
    if settings.repeats > 1 and settings.folds == 1:
        raise UserError(
            f"repeats {settings.repeats} needs folds: give a number of folds from 2 on, or leave it out.",
            "repeats",
            "folds",
        )
    obstacle = find_race_obstacle(settings)
    if settings.race and obstacle is not None:
        raise UserError(f"race {obstacle}: leave race out.", "race")


def find_race_obstacle(settings: Settings) -> str | None:
    """Return why a study cannot end trials after their first folds, as the end of a sentence; None if it can."""
    if settings.n_trainings < LEAST_RACE:
        return f"needs {LEAST_RACE} folds or more, repeats included, but there are {settings.n_trainings}"
    if settings.further_objectives:
        return "compares trials by one objective, but there are several"
    if settings.objectives[0].last_epoch_only:
        return f"compares folds, of which {settings.objective} has no value"
    if settings.budget_unit == "seconds":
        return "trains one fold after the other to a number of epochs, but the budget is in seconds"
    if settings.scheduler in POPULATION_BASED:
        return f"would end members of the population of {settings.scheduler}"
    if settings.inherit:
        return "keeps no weights for children to inherit"
    return None
