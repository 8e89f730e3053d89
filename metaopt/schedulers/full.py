"""Full training: every trial is trained to R."""

from dataclasses import dataclass

from metaopt.schedulers.decisions import Propose, SchedulerDecision, TrialView, View
from metaopt.schedulers.trial_index import TrialIndex


@dataclass(frozen=True)
class Full:
    """Starts one trial after the other, each with the full resource.

    Attributes:
        resource: R, the resource of each trial.
    """

    resource: int

    def next(self, view: View) -> SchedulerDecision:
        """Return a new trial until the goal is reached."""
        index = TrialIndex.of(view, self)
        index.news(view)
        return Propose(self.resource) if index.has_room(view) else index.end(view)

    def rung_levels(self, bracket: int | None) -> tuple[int, ...]:  # noqa: ARG002 - there is one
        """Return R alone."""
        return (self.resource,)

    def pauses(self, trial: TrialView) -> bool:  # noqa: ARG002 - none does
        """Return False: R may be another one now than when the trial began, and the trial is complete all the same."""
        return False
