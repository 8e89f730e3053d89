"""Markdown tables of the benchmark."""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.peers.printing import markdown, percent
from benchmarks.peers.summary import Interval, mean_interval
from benchmarks.searches.results import Result
from benchmarks.searches.summary import SHARES_OF_TIME, Figures, TimeTo, capped_seconds, ratio_interval, summarise

OWN = "metaopt"
"""What the names of metaopt's methods start with."""


def print_searches(results: Mapping[str, Sequence[Result]], targets: Sequence[float], limit: float) -> str:
    """Return the tables of one task: seconds to accuracies, accuracies over time, and what was trained.

    Args:
        results: method → its searches.
        targets: validation accuracies, the common one first.
        limit: wall seconds of a search.
    """
    figures = {method: summarise(found, targets) for method, found in results.items()}
    header = ["method", "seeds", *(f"{target:.4f}{' (common)' * (not i)}" for i, target in enumerate(targets))]
    times = [
        [name, str(each.seeds), *(_time_to(each.time_to[target], limit) for target in targets)]
        for name, each in figures.items()
    ]
    shares = [f"at {share * limit:g} s" for share in SHARES_OF_TIME]
    accuracies = [
        [name, *(_interval(each.accuracy[share], 4) for share in SHARES_OF_TIME), _test(each)]
        for name, each in figures.items()
    ]
    return "\n\n".join(
        [
            "Wall seconds to a validation accuracy: median; mean (95 %); searches that reached it.",
            markdown(header, times),
            _ratios(results, targets),
            "Best validation accuracy so far, and test accuracy of the chosen network: mean (95 %).",
            markdown(["method", *shares, "test"], accuracies),
            "Means of a search, and the smallest CPU seconds per wall second.",
            _counts(figures),
        ]
    )


def _counts(figures: Mapping[str, Figures]) -> str:
    """Return the table of what the searches trained."""
    header = ["method", "configurations", "epochs", "full trainings", "invalid proposals", "s to first epoch"]
    rows = [
        [
            name,
            f"{each.configurations:.1f}",
            f"{each.epochs:.0f}",
            f"{each.full_trainings:.1f}",
            f"{each.failed:.1f}",
            f"{each.first_epoch_s:.1f}",
            f"{each.cpu_share:.2f}",
        ]
        for name, each in figures.items()
    ]
    return markdown([*header, "CPU s per s"], rows)


def _ratios(results: Mapping[str, Sequence[Result]], targets: Sequence[float]) -> str:
    """Return metaopt's mean seconds over those of each other method."""
    own = next((name for name in results if name.startswith(OWN)), None)
    others = [name for name in results if not name.startswith(OWN)]
    if own is None or not others:
        return "No ratios: they need a method of metaopt and another one."
    rows = []
    for name in others:
        rows.append([name, *(_ratio_to(target, results[own], results[name]) for target in targets)])
    header = ["method", *(f"{target:.4f}" for target in targets)]
    return f"Mean seconds of {own} over those of the method (95 %, paired by seed).\n\n{markdown(header, rows)}"


def _ratio_to(target: float, own: Sequence[Result], other: Sequence[Result]) -> str:
    if all(one.seconds_to(target) is None for one in (*own, *other)):
        return "neither reached it"
    return _ratio(ratio_interval(capped_seconds(own, target), capped_seconds(other, target)))


def print_configurations(results: Mapping[str, Sequence[Result]], count: int) -> str:
    """Return the table of a task's trainings of given networks.

    Args:
        results: library → its runs.
        count: number of networks.
    """
    own = next((name for name in results if name.startswith(OWN)), None)
    rows = []
    for name, found in results.items():
        walls = {one.seed: one.wall_s for one in found}
        ratio = None
        if own is not None and name != own:
            ratio = ratio_interval({one.seed: one.wall_s for one in results[own]}, walls)
        rows.append(
            [
                name,
                str(len(found)),
                _interval(mean_interval(list(walls.values())), 1),
                f"{np.mean([one.configurations for one in found]):.1f}",
                f"{np.mean([len(one.epochs) for one in found]):.0f}",
                f"{np.mean([one.best_accuracy(np.inf) for one in found]):.4f}",
                f"{min(one.cpu_share for one in found):.2f}",
                "–" if ratio is None else _ratio(ratio),
            ]
        )
    header = ["library", "seeds", "wall s (95 %)", "trained", "epochs", "best val. accuracy", "CPU s per s, least"]
    header += ["metaopt's wall s over it (95 %)"]
    return f"The same {count} networks for the same epochs.\n\n{markdown(header, rows)}"


def _time_to(time: TimeTo, limit: float) -> str:
    median = f"> {limit:g}" if time.median is None else f"{time.median:.0f}"
    return f"{median}; {_interval(time.mean, 0)}; {percent(time.reached)}"


def _test(figures: Figures) -> str:
    return "–" if figures.test_accuracy is None else _interval(figures.test_accuracy, 4)


def _interval(interval: Interval, digits: int) -> str:
    mean, low, high = interval
    return f"{mean:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def _ratio(ratio: Interval | None) -> str:
    return "no common seed" if ratio is None else _interval(ratio, 2)
