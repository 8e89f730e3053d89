"""Exploration of hyperparameters around those of a trial whose weights are kept."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from metaopt.spaces import Space, Vals
from metaopt.spaces.distributions import Distribution

FACTORS = (0.8, 1.2)
"""Factors of a perturbation: Jaderberg et al. 2017, arXiv:1711.09846, section 4."""

Check = Callable[[Mapping[str, float], Mapping[str, float]], bool]
"""Whether a fork of a trial with the first vals may have the second ones, see ``metaopt.guard.fork_check``."""


def allow_any(source: Mapping[str, float], child: Mapping[str, float]) -> bool:  # noqa: ARG001
    """Return True: a fork may have any vals."""
    return True


def explore(space: Space, source: Vals, rng: np.random.Generator, *, resample: float, check: Check) -> Vals:
    """Return hyperparameters for a fork: each one perturbed or drawn anew, as far as the architecture stays the same.

    With probability ``resample`` a hyperparameter is drawn from its prior. Otherwise a number is multiplied by 0.8 or
    1.2, at most to its bound, and an option is kept. A rounded number moves by at least one multiple of its step.

    Args:
        space: the space.
        source: vals of the trial that is forked.
        rng: the only source of randomness.
        resample: probability of a draw from the prior.
        check: whether a fork may have other vals than its source.
    """
    proposed: dict[str, float] = {}
    for label, value in source.items():
        distribution = space.by_label[label].distribution
        if rng.random() < resample:
            others = {name: other for name, other in source.items() if name != label}
            proposed[label] = space.complete(others, rng)[label]
        elif not distribution.is_unordered:
            proposed[label] = scale(distribution, value, FACTORS[int(rng.integers(len(FACTORS)))])
    return keep_architecture(space, source, proposed, rng, check)


def describe_change(source: Mapping[str, float], child: Mapping[str, float]) -> str:
    """Return what differs between the vals of a trial and those of its fork, e.g. ``"rate 0.01 → 0.012"``."""
    changed = [label for label in (*source, *child) if source.get(label) != child.get(label)]
    texts = [f"{label} {_text(source.get(label))} → {_text(child.get(label))}" for label in dict.fromkeys(changed)]
    return ", ".join(texts)


def _text(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def scale(distribution: Distribution, value: float, factor: float) -> float:
    """Return a number times a factor, within the bounds and on the grid of its prior."""
    low, high = distribution.bounds
    scaled = min(max(value * factor, low), high)
    step = distribution.step
    if step is None:
        return distribution.cast(scaled)
    rounded = round(scaled / step) * step
    if rounded == value:
        rounded = value + step * np.sign(value * (factor - 1))
    return distribution.cast(rounded if low - step / 2 < rounded < high + step / 2 else value)


def keep_architecture(
    space: Space, source: Vals, proposed: Mapping[str, float], rng: np.random.Generator, check: Check
) -> Vals:
    """Return the vals of a trial with those changes after which its weights still fit.

    All changes are tried together, and halves of them where they are not allowed, down to single ones.

    Args:
        space: the space.
        source: vals of the trial.
        proposed: label → new value.
        rng: draws hyperparameters that a change makes active.
        check: whether a fork may have other vals than its source.
    """
    changed = [label for label, value in proposed.items() if value != source[label]]
    found = Vals(source)
    groups: list[Sequence[str]] = [changed]
    while groups:
        labels = [label for label in groups.pop() if label in found]  # an earlier change may have made it inactive
        if not labels:
            continue
        candidate = space.complete({**found, **{label: proposed[label] for label in labels}}, rng)
        if check(source, candidate):
            found = candidate
        elif len(labels) > 1:
            middle = len(labels) // 2
            groups += [labels[middle:], labels[:middle]]
    return found
