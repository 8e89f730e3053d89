"""What a training is told besides its point and its data."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from metaopt.engine.jobs import Ancestor, Message
from metaopt.trials.constraints import Constraint


def _go_on(_: Message) -> bool:
    return True


@dataclass(frozen=True)
class Run:
    """The circumstances of one training; the defaults are for training by hand.

    Attributes:
        seed: the study's seed.
        trial: the trial's number; initial weights, order, augmentation and dropout are functions of both.
        start: epochs that were reported before. Where the training goes on is for the checkpoint to say: what it holds
            beyond is reported without being trained again, and what it lacks is trained again.
        early_stopping: epochs without improvement of the objective before the training ends, or None.
        objective: which epoch is the best, see ``metaopt.trials.objective``.
        cycles: epochs after which a cycle of the learning rate's schedule ends, ascending; empty for one cycle over
            the whole training.
        schedule: of the learning rate, in the place of the problem's own; None for that.
        report: is told each epoch; the training ends where it answers False. A ``Remark`` is only to be passed on.
        limits: on the slow path, ``params``, ``macs`` or ``memory`` → largest value.
        measured: limits on metrics of an epoch: one that keeps them is better than one that does not.
        folds: 1, or how many parts cross-validation cuts the images into.
        ancestor: whose weights it starts from, or None to start from scratch.
    """

    seed: int = 0
    trial: int = 0
    start: int = 0
    early_stopping: int | None = None
    objective: str = "val_accuracy"
    cycles: tuple[int, ...] = ()
    schedule: str | None = None
    report: Callable[[Message], bool] = _go_on
    limits: Mapping[str, float] = field(default_factory=dict)
    measured: Sequence[Constraint] = ()
    folds: int = 1
    ancestor: Ancestor | None = None


class NetworkRefused(Exception):
    """A network of the slow path cannot exist or breaks a cheap limit, so it was not trained.

    Attributes:
        reason: ``"invalid architecture"`` or the limit's name.
        detail: one sentence.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
