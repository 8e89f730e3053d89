"""Identity of a training state: what it was trained for, and with what."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from metaopt.engine.jobs import TrialIdentity

Identity = Mapping[str, Any]
"""Facts that a stored state names, JSON types; see ``current_identity``."""

# Fact → what a state that differs in it is of, after "of".
_DIFFERENCES = {
    "study": "another study",
    "trial": "another trial",
    "point": "other hyperparameters",
    "data": "other data",
    "backend": "another backend",
    "policy": "another precision",
    "floatx": "another precision",
}


def trial_identity(identity: TrialIdentity | None) -> Identity:
    """Return the facts about the trial; none for a training by hand."""
    return {} if identity is None else asdict(identity)


def current_identity(identity: TrialIdentity | None) -> Identity:
    """Return the facts about a trial that is trained now: those about the trial, and backend and precision."""
    import keras

    from metaopt.training.global_state import describe_precision

    return {**trial_identity(identity), "backend": keras.backend.backend(), **describe_precision()}


def find_difference(stored: Identity | None, expected: Identity) -> str | None:
    """Return what a state is of that does not have the expected facts, e.g. ``"another study"``; None if it has them.

    States of earlier versions name no facts and are accepted, as are facts that only one side names.
    """
    for name, description in _DIFFERENCES.items():
        if stored and name in stored and name in expected and stored[name] != expected[name]:
            return description
    return None
