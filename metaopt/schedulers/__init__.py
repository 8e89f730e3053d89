"""Schedulers decide how much a trial trains and which trials go on; they know nothing of how points are proposed."""

from collections.abc import Callable

from metaopt.schedulers.asha import ASHA
from metaopt.schedulers.brackets import Rule, brackets
from metaopt.schedulers.decisions import (
    Continue,
    Decision,
    Done,
    Fork,
    Left,
    Propose,
    Reason,
    Scheduler,
    SchedulerDecision,
    Start,
    Stop,
    TrialView,
    View,
    Wait,
)
from metaopt.schedulers.full import Full
from metaopt.schedulers.halving import Halving
from metaopt.schedulers.hyperband import Hyperband

# Name of a scheduler → what makes it of the keywords ``resource``, ``eta``, ``min_resource`` and ``rule``.
SCHEDULERS: dict[str, Callable[..., Scheduler]] = {
    "full": lambda resource, **_: Full(resource),
    "halving": Halving,
    "hyperband": Hyperband,
    "asha": lambda resource, eta, min_resource, **_: ASHA(resource, eta, min_resource),
    "asha-stop": lambda resource, eta, min_resource, **_: ASHA(resource, eta, min_resource, stopping=True),
}

__all__ = [
    "ASHA",
    "SCHEDULERS",
    "Continue",
    "Decision",
    "Done",
    "Fork",
    "Full",
    "Halving",
    "Hyperband",
    "Left",
    "Propose",
    "Reason",
    "Rule",
    "Scheduler",
    "SchedulerDecision",
    "Start",
    "Stop",
    "TrialView",
    "View",
    "Wait",
    "brackets",
]
