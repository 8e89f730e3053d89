"""Every trial is trained to the end."""

from dataclasses import dataclass

from metaopt.schedulers.decisions import Half, Propose, View
from metaopt.schedulers.trial_index import Book


@dataclass(frozen=True)
class Full:
    """Starts one trial after the other, each with the whole resource.

    Attributes:
        resource: R, epochs of each trial.
    """

    resource: int

    def next(self, view: View) -> Half:
        """A new trial until the goal is reached."""
        book = Book.of(view, self)
        book.news(view)
        return Propose(self.resource) if book.has_room(view) else book.end(view)

    def stages(self, bracket: int | None) -> tuple[int, ...]:  # noqa: ARG002 - there is one
        """R alone."""
        return (self.resource,)
