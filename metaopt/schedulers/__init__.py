"""Schedulers decide how much a trial trains and which trials go on; they know nothing of how points are proposed."""

from metaopt.schedulers.decisions import (
    Continue,
    Decision,
    Done,
    Fork,
    Half,
    Propose,
    Scheduler,
    Standing,
    Start,
    Stop,
    TrialView,
    View,
    Wait,
)
from metaopt.schedulers.full import Full

SCHEDULERS = {"full": Full}

__all__ = [
    "SCHEDULERS",
    "Continue",
    "Decision",
    "Done",
    "Fork",
    "Full",
    "Half",
    "Propose",
    "Scheduler",
    "Standing",
    "Start",
    "Stop",
    "TrialView",
    "View",
    "Wait",
]
