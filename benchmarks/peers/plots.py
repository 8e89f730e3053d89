"""Plots of the benchmark: regret over cost, and the critical-difference diagram."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from benchmarks.peers.results import Result
from benchmarks.peers.summary import Ranks
from benchmarks.peers.tables import Table
from metaopt.report.plots.style import write_figure

_POINTS = 200
_LINES = ("-", "--", ":", "-.")
_SMALLEST_REGRET = 1e-3  # of the logarithmic axis


def plot_regret(table: Table, results: Mapping[str, Sequence[Result]], budget: float, path: Path) -> None:
    """Draw the mean regret of each method over the cost, by validation error and by held-out error.

    Args:
        table: the table.
        results: method → its searches.
        budget: full trainings.
        path: the image file.
    """
    costs = np.linspace(0, budget, _POINTS + 1)[1:]
    judged = {
        "validation error of the incumbent": ("error", float(table.final_errors.min())),
        "held-out error of the incumbent": ("test_error", table.best_test_error),
    }

    def draw(figure: Figure) -> None:
        for panel, (title, (name, best)) in enumerate(judged.items(), 1):
            axes = figure.add_subplot(1, 2, panel)
            for number, (peer, found) in enumerate(results.items()):
                regret = [np.mean([getattr(one.incumbent(cost), name) - best for one in found]) for cost in costs]
                axes.plot(
                    costs,
                    np.maximum(regret, _SMALLEST_REGRET),
                    color=f"C{number % 10}",
                    linestyle=_LINES[number // 10 % len(_LINES)],
                    label=f"{peer} ({len(found)})",
                )
            axes.set(title=f"{table.name}: {title}", xlabel="full trainings", ylabel="mean regret", yscale="log")
        axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1), title="method (seeds)")

    write_figure(path, (13, 5.5), draw)


def plot_critical_difference(ranks: Ranks, score: str, path: Path) -> bool:
    """Draw Demšar's diagram: mean ranks, and bars over groups that Nemenyi's test does not tell apart.

    Args:
        ranks: of at least three methods on two tables.
        score: what the ranks are by.
        path: the image file.

    Returns:
        Whether it was drawn; False without the package scikit-posthocs, or with fewer methods or tables.
    """
    if ranks.p_value is None or ranks.critical_difference is None:
        return False
    try:
        import scikit_posthocs
    except ImportError:
        return False
    import pandas

    scores = pandas.DataFrame(ranks.scores)  # a row per table
    p_values = scikit_posthocs.posthoc_nemenyi_friedman(scores)

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        scikit_posthocs.critical_difference_diagram(dict(ranks.mean), p_values, ax=axes)
        axes.set_title(f"Mean rank by {score}; critical difference {ranks.critical_difference:.2f}")

    write_figure(path, (10, 1.5 + 0.22 * len(ranks.mean)), draw)
    return True
