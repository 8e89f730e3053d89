"""Every trial is trained to the end."""

from dataclasses import dataclass

from metaopt.schedulers.decisions import Done, Half, Propose, View, Wait


@dataclass(frozen=True)
class Full:
    """Starts one trial after the other, each with the whole resource.

    Attributes:
        resource: R, epochs of each trial.
    """

    resource: int

    def next(self, view: View) -> Half:
        """A new trial until the goal is reached."""
        trained = sum(not trial.imported and trial.status != "rejected" for trial in view.trials)
        if view.goal is None or trained < view.goal:
            return Propose(self.resource)
        return Wait() if view.running else Done()
