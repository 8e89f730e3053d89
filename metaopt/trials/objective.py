"""Objectives: the numbers that are optimised, always as losses, and the score of the first one for a record's name."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from metaopt.errors import UserError, hint, invalid_value

Metrics = dict[str, float]
"""Name → value of one epoch, e.g. ``{"loss": 0.7, "val_accuracy": 0.81}``."""

_FORM = re.compile(r"([^\s:]+)(?::(min|max))?")


@dataclass(frozen=True)
class Objective:
    """One number of a trial to be optimised.

    Attributes:
        name: name of the metric, or ``convergence``.
        maximised: whether larger is better; the loss is then the negated metric.
        nonnegative: whether the loss is never below 0.
        bounded: whether the metric lies in 0..1 where it is maximised.
        last_epoch_only: whether the value is taken at the last epoch instead of the best.
        is_measured: whether training measures it at each epoch; others are counts of the network, or of the whole
            trial, and can only be further objectives.
    """

    name: str
    maximised: bool = False
    nonnegative: bool = True
    bounded: bool = True
    last_epoch_only: bool = False
    is_measured: bool = True

    @property
    def is_count(self) -> bool:
        """Whether it is a count of the network, which spreads over orders of magnitude."""
        return self.name in ("params", "macs", "memory", "model_bytes")

    @property
    def text(self) -> str:
        """The objective as it is stored: its name, with its direction where that is not known by the name."""
        is_known = self.name in OBJECTIVES or _find_of_head(self.name) is not None
        return self.name if is_known else f"{self.name}:{'max' if self.maximised else 'min'}"

    def loss(self, metrics: Mapping[str, float], seconds: float) -> float:
        """Return the loss of one epoch, to be minimised.

        Args:
            metrics: metrics of the epoch.
            seconds: training seconds of the trial up to and including this epoch.

        Raises:
            KeyError: The metric is missing.
        """
        if self.name == "convergence":
            # Small where a network is good and quick to train; compares trials of equal length only.
            return math.log(metrics["val_loss"] + 1) * math.log(seconds + 1)
        value = metrics[self.name]
        return -value if self.maximised else value

    def losses(self, epochs: Sequence[Metrics], seconds: Sequence[float]) -> list[float]:
        """Return the loss of each epoch of a trial, given each epoch's metrics and its own seconds."""
        total, losses = 0.0, []
        for metrics, spent in zip(epochs, seconds, strict=True):
            total += spent
            losses.append(self.loss(metrics, total))
        return losses

    def value(self, loss: float) -> float:
        """Return the loss in the user's sense: an accuracy is shown as an accuracy."""
        return -loss if self.maximised else loss

    def score(self, loss: float) -> float:
        """Return the loss as a number in 0..1 that grows with quality, for the names of records."""
        if self.maximised and self.bounded:
            return min(max(-loss, 0.0), 1.0)
        return 1 / (1 + max(loss, 0.0)) if self.nonnegative and not self.maximised else 0.5 - math.atan(loss) / math.pi


OBJECTIVES = {
    objective.name: objective
    for objective in (
        Objective("val_accuracy", maximised=True),
        Objective("val_loss"),
        Objective("val_top3", maximised=True),
        Objective("val_precision", maximised=True),
        Objective("val_balanced_accuracy", maximised=True),
        Objective("val_f1", maximised=True),
        Objective("val_map", maximised=True),
        Objective("val_mse"),
        Objective("val_mae"),
        Objective("val_r2", maximised=True, bounded=False),
        Objective("val_psnr", maximised=True, bounded=False),
        Objective("val_ssim", maximised=True),
        Objective("convergence", last_epoch_only=True),
        Objective("loss", nonnegative=False),  # returned by a user's own train(point)
        Objective("params", is_measured=False),
        Objective("macs", is_measured=False),
        Objective("memory", is_measured=False),
        Objective("model_bytes", is_measured=False),
        Objective("latency_ms", is_measured=False),
        Objective("seconds", is_measured=False),
    )
}


def find_objective(text: str) -> Objective:
    """Return the objective of a name: one of ``OBJECTIVES``, or such a metric of a head, ``val_<head>_<metric>``.

    ``NAME:min`` or ``NAME:max`` is any other metric, with its direction.

    Raises:
        UserError: It is unknown, and the message names the nearest one; or its direction is another one.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise invalid_value("objective", text, "Expected a name such as val_accuracy, or NAME:min or NAME:max.")
    name, direction = match[1], match[2]
    known = OBJECTIVES.get(name) or _find_of_head(name)
    if known is None and direction is None:
        raise UserError(
            f"Unknown objective: {name}. {hint(name, OBJECTIVES)} Another metric needs its direction: {name}:min or"
            f" {name}:max.",
            "objective",
        )
    if known is None:
        return Objective(name, maximised=direction == "max", nonnegative=False)
    if direction is not None and (direction == "max") != known.maximised:
        is_done = "maximised" if known.maximised else "minimised"
        raise UserError(f"{name} is {is_done}, so {text} is no objective: write {name}.", "objective")
    return known


def find_objectives(texts: Iterable[str]) -> tuple[Objective, ...]:
    """Return the objectives of a study, the first one first.

    Raises:
        UserError: One is unknown; two are the same, or the same metric in both directions; the first is not measured
            by training; or several do not go together.
    """
    objectives = tuple([find_objective(text) for text in texts])
    if not objectives:
        raise UserError("No objective was given. Expected at least one, such as val_accuracy.", "objective")
    first, *others = objectives
    if not first.is_measured:
        raise UserError(
            f"Invalid first objective: {first.name}. The first one selects the best epoch of a trial, so it must be"
            f" measured by training: name one such as val_accuracy before {first.name}.",
            "objective",
        )
    known = {first.name: first}
    for each in others:
        twin = known.get(each.name)
        if twin is not None:
            problem = "is given twice" if twin == each else "cannot be both minimised and maximised"
            raise UserError(f"The objective {each.name} {problem}: leave one of them out.", "objective")
        known[each.name] = each
    if others and any(each.last_epoch_only for each in objectives):
        raise UserError(
            "The objective convergence compares trials of equal length only, so it cannot be one of several: use"
            " val_loss and seconds instead.",
            "objective",
        )
    if "loss" in [each.name for each in others]:
        raise UserError("The objective loss can only be the first one: name it before the others.", "objective")
    return objectives


def scale_losses(values: np.ndarray, objectives: Sequence[Objective]) -> np.ndarray:
    """Return losses scaled to 0..1 between the best and the worst of them, counts by their logarithm, (n, m).

    Args:
        values: finite losses, (n, m), n >= 1.
        objectives: the m objectives.
    """
    scaled = values.astype(float)
    for column, objective in enumerate(objectives):
        if objective.is_count and (scaled[:, column] > 0).all():
            scaled[:, column] = np.log(scaled[:, column])
    width = np.ptp(scaled, axis=0)
    found: np.ndarray = (scaled - scaled.min(axis=0)) / np.where(width > 0, width, 1.0)
    return found


def _find_of_head(name: str) -> Objective | None:
    """Return the objective of a metric of one of several heads; None if no metric has this name."""
    for known, objective in sorted(OBJECTIVES.items(), key=lambda pair: -len(pair[0])):
        metric = known.removeprefix("val_")
        if metric != known and name.startswith("val_") and name.removeprefix("val_").endswith(f"_{metric}"):
            return replace(objective, name=name)
    return None


def is_maximised(name: str) -> bool:
    """Return whether more of a metric is better; False for one that is not known."""
    objective = OBJECTIVES.get(name) or _find_of_head(name)
    return objective is not None and objective.maximised
