"""Progress of the folds of a training: which fold trains its next epoch, and which epochs all folds have trained."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from metaopt.trials.stopping import EpochTracker


class FoldEpoch(NamedTuple):
    """One epoch of one fold.

    Attributes:
        metrics: its metrics.
        seconds: wall seconds, without compilation.
    """

    metrics: dict[str, float]
    seconds: float


class FoldProgress:
    """Order in which the folds of a training train their epochs.

    Either all folds advance together, an epoch of each in turn; or, in a race, one fold after the other is trained to
    the target, or until its own patience is out, and then the folds that lack an epoch catch up. Both orders train the
    same: each fold has its own variables, order of images and random seeds.

    Args:
        n_folds: number of folds.
        target: number of epochs after this training.
        is_race: which of the two orders.
        new_tracker: makes the tracker of a fold's best epoch, with early stopping.
        trained: for each complete epoch, the epochs of all folds; only read in a race.
        ahead: for each fold, its epochs after the complete ones.

    Attributes:
        ahead: the same, so far.
    """

    def __init__(
        self,
        n_folds: int,
        target: int,
        *,
        is_race: bool,
        new_tracker: Callable[[], EpochTracker],
        trained: Sequence[Sequence[FoldEpoch]] = (),
        ahead: Sequence[Sequence[FoldEpoch]] = (),
    ) -> None:
        self.ahead: list[list[FoldEpoch]] = [list(each) for each in ahead] or [[] for _ in range(n_folds)]
        self._target = target
        self._is_race = is_race
        self._trackers = [new_tracker() for _ in range(n_folds if is_race else 0)]
        for fold, tracker in enumerate(self._trackers):
            for each in (*(epoch[fold] for epoch in trained), *self.ahead[fold]):
                tracker.add(*each)

    @property
    def n_ahead(self) -> int:
        """Number of passes beyond the complete epochs."""
        return sum(map(len, self.ahead))

    def next_pass(self, n_complete: int) -> tuple[int, int]:
        """Return the epoch, from 0, and the fold that are trained next.

        Args:
            n_complete: number of epochs that all folds have trained.
        """
        lengths = [n_complete + len(each) for each in self.ahead]
        if self._is_race:
            for fold, length in enumerate(lengths):
                if not self.is_trained(fold, length):
                    return length, fold
        shortest = min(lengths)
        return shortest, lengths.index(shortest)

    def is_trained(self, fold: int, epochs: int) -> bool:
        """Return whether a fold with so many epochs is at the target, or out of its own patience, in a race."""
        return epochs >= self._target or self._trackers[fold].is_out_of_patience

    def is_best(self, fold: int) -> bool:
        """Return whether the latest epoch of a fold is its best one, in a race."""
        return self._trackers[fold].best == len(self._trackers[fold].losses) - 1

    def add(self, fold: int, epoch: FoldEpoch) -> None:
        """Take in the next epoch of a fold."""
        self.ahead[fold].append(epoch)
        if self._is_race:
            self._trackers[fold].add(*epoch)

    def take_complete(self) -> list[FoldEpoch] | None:
        """Return the next epoch of all folds, and take it out; None if a fold lacks it."""
        return [each.pop(0) for each in self.ahead] if all(self.ahead) else None
