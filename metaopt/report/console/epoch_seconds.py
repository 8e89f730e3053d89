"""Seconds of epochs by their number, from the trials so far: in later stages of a training they may take longer."""

from collections.abc import Sequence

from metaopt.trials.record import Record


class EpochSeconds:
    """Mean seconds of the first epoch, of the second one, and so on.

    Args:
        records: trials with at least one epoch. Where one of them does not tell its seconds, each epoch counts as one.

    Attributes:
        total: seconds of all epochs of the trials.
    """

    def __init__(self, records: Sequence[Record]) -> None:
        self._is_measured = all(len(record.history.get("seconds", ())) == record.epochs for record in records)
        known = [record.history["seconds"] if self._is_measured else [1.0] * record.epochs for record in records]
        self.total = sum(map(sum, known))
        self._means: list[float] = []
        for number in range(max(map(len, known), default=0)):
            having = [seconds[number] for seconds in known if len(seconds) > number]
            self._means.append(sum(having) / len(having))

    def between(self, begin: int, end: int, last_s: float | None = None) -> float:
        """Return the expected seconds of the epochs after ``begin`` up to ``end``.

        Args:
            begin: number of epochs before.
            end: number of epochs after.
            last_s: seconds of epoch ``begin`` of the trial in question, which may be slower than others; or None.
        """
        own = 1.0
        if self._is_measured and last_s is not None and begin > 0 and self._mean(begin - 1) > 0:
            own = last_s / self._mean(begin - 1)
        return own * sum(self._mean(number) for number in range(begin, end))

    def _mean(self, number: int) -> float:
        """Return the mean seconds of an epoch, from 0; one that no trial has reached counts as the last one."""
        return self._means[min(number, len(self._means) - 1)] if self._means else 0.0
