"""Plot of the benchmark: best validation accuracy over wall time."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from benchmarks.peers.summary import mean_interval
from benchmarks.searches.results import Result
from metaopt.report.plots.style import write_figure

_POINTS = 60


def plot_accuracy(task: str, results: Mapping[str, Sequence[Result]], limit: float, path: Path) -> None:
    """Draw the mean of the best validation accuracy so far over the wall time, with its 95 % interval over seeds.

    Args:
        task: name of the task.
        results: method → its searches.
        limit: wall seconds of a search.
        path: the image file.
    """
    seconds = np.linspace(0, limit, _POINTS + 1)[1:]

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        for number, (method, found) in enumerate(results.items()):
            intervals = np.array(
                [mean_interval([one.best_accuracy(at) for one in found]) for at in seconds]
            )  # (points, 3)
            color = f"C{number % 10}"
            axes.plot(seconds, intervals[:, 0], color=color, label=f"{method} ({len(found)})")
            axes.fill_between(seconds, intervals[:, 1], intervals[:, 2], color=color, alpha=0.15, linewidth=0)
        ends = [one.best_accuracy(limit) for found in results.values() for one in found]
        # Errors shrink by factors, so the upper half of the accuracies is shown.
        axes.set(
            title=f"{task}: best validation accuracy so far",
            xlabel="wall seconds",
            ylabel="mean, 95 % interval over seeds",
            ylim=(max(ends) / 2, None),
        )
        axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1), title="method (seeds)")

    write_figure(path, (10, 5), draw)
