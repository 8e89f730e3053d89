"""Learning curves of one network of a table."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metaopt.spaces import Vals

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Curves:
    """Learning curves of one training; each array is ``(R,)``.

    Attributes:
        val_accuracy: 0..1.
        val_loss: mean cross-entropy in nats.
        train_loss: the training loss.
        test_accuracy: on images that no strategy sees, 0..1.
        seconds: CPU seconds of each epoch.
    """

    val_accuracy: Floats
    val_loss: Floats
    train_loss: Floats
    test_accuracy: Floats
    seconds: Floats

    @property
    def errors(self) -> Floats:
        """Validation error of each epoch."""
        return 1 - self.val_accuracy

    @property
    def best_errors(self) -> Floats:
        """Best validation error up to each epoch."""
        return np.minimum.accumulate(self.errors)


@dataclass(frozen=True)
class Network:
    """A trained configuration.

    Attributes:
        id: its number in the table.
        vals: draw of the space, label → value of the active labels.
        replicates: its trainings, by ascending seed.
        params: number of parameters; None if the table does not say it.
        macs: multiply-accumulate operations for one image; None if the table does not say it.
    """

    id: int
    vals: Vals
    replicates: tuple[Curves, ...]
    params: int | None = None
    macs: int | None = None

    @property
    def curves(self) -> Curves:
        """The training that strategies see: that of the lowest seed."""
        return self.replicates[0]

    def test_error(self, epoch: int) -> float:
        """Return the held-out error after an epoch, from 1: the mean over all trainings, so that luck averages out."""
        return float(np.mean([1 - each.test_accuracy[epoch - 1] for each in self.replicates]))

    @property
    def final_error(self) -> float:
        """Validation error at the best epoch of the training that strategies see."""
        return float(self.curves.errors.min())
