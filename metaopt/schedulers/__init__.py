"""Schedulers decide how much a trial trains and which trials go on; they know nothing of how points are proposed."""

from metaopt.schedulers.decisions import (
    Decision,
    Done,
    Half,
    Propose,
    Scheduler,
    Start,
    TrialView,
    View,
    Wait,
)
from metaopt.schedulers.full import Full

SCHEDULERS = {"full": Full}

__all__ = [
    "SCHEDULERS",
    "Decision",
    "Done",
    "Full",
    "Half",
    "Propose",
    "Scheduler",
    "Start",
    "TrialView",
    "View",
    "Wait",
]
