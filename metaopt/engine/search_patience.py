"""Patience of a search, replayed from the trials that came to rest."""

from metaopt.storage.state import StudyState
from metaopt.trials.ranking import WORST, rank_key
from metaopt.trials.stopping import ParetoPatience, SearchPatience

Patience = SearchPatience | ParetoPatience


def replayed_patience(state: StudyState) -> Patience:
    """Return the patience of a study so far."""
    has_several = bool(state.header) and len(state.judge.objectives) > 1
    patience: Patience = ParetoPatience() if has_several else SearchPatience(WORST)
    for index in range(len(state.arrivals)):
        add_arrival(patience, state, index)
        if index + 1 == state.arrivals_before:  # a new goal gives the search as many trials again
            patience.reset()
    return patience


def add_arrival(patience: Patience, state: StudyState, index: int) -> None:
    """Add a trial that came to rest.

    Args:
        patience: is changed.
        state: the study's trials.
        index: index of the arrival, see ``StudyState.arrivals``.
    """
    trial, result = state.arrival(index)
    is_feasible = result is not None and result.is_feasible
    if isinstance(patience, ParetoPatience):
        patience.add(trial.number, result.values if result is not None and is_feasible and result.has_loss else None)
    else:
        patience.add(trial.number, rank_key(result) if is_feasible else WORST)
