"""Sentences on a space: how many hyperparameters it has, and what the guard does with its draws."""

from metaopt.guard.acceptance import Acceptance
from metaopt.quantities import plural, size_text
from metaopt.report.formatting import format_count
from metaopt.spaces import Space
from metaopt.spaces.conditions import ALWAYS


def describe_space(space: Space) -> str:
    """Return the number of hyperparameters, e.g. ``24 hyperparameters, 3 of them conditional``."""
    total = len(space.parameters)
    conditional = sum(each.conditions != ALWAYS for each in space.parameters)
    return plural(total, "hyperparameter") + (f", {conditional} of them conditional" if conditional else "")


def describe_rejections(acceptance: Acceptance) -> str:
    """Return the share of draws that the guard rejects, by reason, e.g. ``12 % of 500 draws (params 9 %, …)``."""
    share = 100 * (1 - acceptance.share)
    reasons = ", ".join(
        f"{reason} {100 * count / acceptance.n_draws:.1f} %"
        for reason, count in acceptance.rejections.reasons.most_common()
    )
    return f"{share:.0f} % of {acceptance.n_draws:,} draws{f' ({reasons})' if reasons else ''}"


def describe_sizes(acceptance: Acceptance) -> str | None:
    """Return the range and the median of parameters, MACs and memory of the networks that pass; None if uncounted."""
    parts = []
    for name, unit in (
        ("params", "parameters"),
        ("macs", "MACs of one image"),
        ("memory", "of memory for a training step"),
    ):
        counts = acceptance.counts(name)
        if not counts:
            continue
        low, middle, high = (
            size_text(round(count)) if name == "memory" else format_count(count)
            for count in (counts[0], counts[len(counts) // 2], counts[-1])
        )
        parts.append(f"{low} to {high} {unit} (median {middle})")
    return "; ".join(parts) or None
