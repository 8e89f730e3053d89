"""Trials of an Optuna study as events that import them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from metaopt.errors import UserError
from metaopt.exchange.named_values import read_named
from metaopt.exchange.optuna_storage import import_optuna, opened_study, shown_source
from metaopt.spaces import Space
from metaopt.storage.importing import value_event
from metaopt.storage.journal import Event
from metaopt.trials.objective import Objective


def optuna_events(
    source: str, name: str | None, space: Space, objectives: Sequence[Objective], defaults: Mapping[str, Any]
) -> Iterator[Event]:
    """Yield an event for each trial that is complete or failed; pruned and unfinished ones are left out.

    The parameters have the names of labels of the space, or of paths in its points, and the values are those of the
    objectives in their order.

    Args:
        source: path of a SQLite database or a journal, or the URL of a database.
        name: name of the study; None where the storage has one only.
        space: space of the study that they are imported into.
        objectives: its objectives.
        defaults: see ``Problem.defaults``.

    Raises:
        UserError: The storage cannot be read, has no such study, or its trials are none of the space or the objectives.
    """
    states = import_optuna().trial.TrialState
    with opened_study(source, name) as study:
        where = f"{shown_source(source)}, study {study.study_name}"
        _require_directions(where, [each.name.lower() for each in study.directions], objectives)
        for trial in study.get_trials(deepcopy=False, states=(states.COMPLETE, states.FAIL)):
            of_trial = f"{where}, trial {trial.number}"
            try:
                vals = read_named(space, trial.params, defaults)
            except UserError as error:
                raise UserError(f"{of_trial}: {error}") from error
            losses = {}
            if trial.state == states.COMPLETE:
                values = [
                    -value if each.maximised else value for each, value in zip(objectives, trial.values, strict=True)
                ]
                if all(map(math.isfinite, values)):  # others have diverged, which is a failure here
                    losses = dict(zip(objectives, values, strict=True))
            yield value_event(space, vals, losses, of_trial)


def _require_directions(where: str, directions: Sequence[str], objectives: Sequence[Objective]) -> None:
    """Check that an Optuna study optimises as many numbers, in the same directions.

    Raises:
        UserError: It does not.
    """
    wanted = ["maximize" if each.maximised else "minimize" for each in objectives]
    if list(directions) != wanted:
        names = ", ".join(f"{each.name} ({direction})" for each, direction in zip(objectives, wanted, strict=True))
        raise UserError(
            f"{where} has the directions {', '.join(directions)}, but the objectives are {names}. Give the objectives"
            " that it optimised, e.g. accuracy:max.",
            "objective",
        )
