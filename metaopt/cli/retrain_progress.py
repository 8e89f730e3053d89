"""Progress of a final training on the console."""

from time import monotonic

_REPORT_INTERVAL_S = 10.0


class TrainingProgress:
    """Prints the first and the last epoch, and otherwise one line every ten seconds, within a long epoch too.

    Args:
        epochs: number of epochs.
        network: start of each line.
    """

    def __init__(self, epochs: int, network: str) -> None:
        self._epochs, self._network = epochs, network
        self._printed_at = self._began_at = monotonic()

    def epoch(self, epoch: int, loss: float, seconds: float) -> None:
        """Print an epoch that ended; see ``EpochReport``."""
        if epoch in (1, self._epochs) or self._is_due():
            self._print(f"epoch {epoch} of {self._epochs} · training loss {loss:.4f} · {seconds:.1f} s")
        self._began_at = monotonic()

    def step(self, epoch: int, share: float) -> None:
        """Print how far a long epoch is; see ``StepReport``."""
        if self._is_due() and monotonic() - self._began_at >= _REPORT_INTERVAL_S:
            self._print(f"epoch {epoch} of {self._epochs}, {share:.0%}".replace("%", " %"))

    def _is_due(self) -> bool:
        return monotonic() - self._printed_at >= _REPORT_INTERVAL_S

    def _print(self, text: str) -> None:
        self._printed_at = monotonic()
        print(f"{self._network}{text}", flush=True)
