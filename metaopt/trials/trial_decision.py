"""Decisions of a strategy on a trial, with the figures that it took them on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

DecisionKind = Literal["started", "resumed", "left", "ended"]
KINDS: tuple[DecisionKind, ...] = get_args(DecisionKind)


@dataclass(frozen=True)
class TrialDecision:
    """One decision on a trial, which a model took.

    Attributes:
        kind: ``started``; ``resumed`` after a pause; ``left`` at a rung, where it may resume later; ``ended`` there.
        resource: what the trial was to be trained to; of ``left`` and ``ended``, what it had been trained to.
        spent: epochs that all trials had been trained by then.
        clock: seconds of search by then, summed over restarts.
        reason: the figures, e.g. ``chance_of_best``.
    """

    kind: DecisionKind
    resource: int
    spent: int
    clock: float
    reason: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return the decision as a record holds it."""
        return {
            "decision": self.kind,
            "to": self.resource,
            "spent": self.spent,
            "clock": self.clock,
            "reason": dict(self.reason),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "TrialDecision":
        """Read a stored decision; the counterpart of ``to_json``."""
        return cls(stored["decision"], stored["to"], stored["spent"], stored["clock"], stored["reason"])
