"""Population of an evolution: mean accuracy and precision of the latest trials, over the search."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from metaopt.report.analysis.study_data import StudyData, metric_at_best_epoch
from metaopt.report.formatting import metric_label
from metaopt.report.plots.constraints import draw_constraints
from metaopt.report.plots.series import Series, all_constraints, all_records, line_style
from metaopt.report.plots.style import GREY, add_title, score_limits, write_or_explain
from metaopt.trials.constraints import Constraint

Values = npt.NDArray[np.float64]

_METRICS = ("val_accuracy", "val_precision")
# The window is a tenth of the trials within these bounds: about a population, and enough for a mean.
_WINDOWS, _MIN_WINDOW, _MAX_WINDOW = 10, 5, 50


def has_population(series: Sequence[Series]) -> bool:
    """Return whether any trials have parents, and there are enough trials for a line."""
    has_parents = any(record.parent is not None for record in all_records(series))
    runs = [run for each in series for run in each.runs]
    return has_parents and any(len(_scores(run, metric)) > _MIN_WINDOW for run in runs for metric in _METRICS)


def population_figure(series: Sequence[Series], path: Path) -> None:
    """Draw the mean accuracy and precision of the latest trials over the trials' numbers.

    With several seeds it is the mean of their means. Failed trials are left out, and those that were not fully trained,
    which do not belong to the population; infeasible trials do.

    Args:
        series: series of one data set, for which ``has_population`` is true.
        path: the image file.

    Raises:
        ResultsNotWritable: The file cannot be written.
    """
    runs = [run for each in series for run in each.runs]
    metrics = [name for name in _METRICS if any(_scores(run, name) for run in runs)]
    lengths = [len(_scores(run, name)) for run in runs for name in metrics]
    window = window_size(min(filter(None, lengths), default=0))

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(metrics) or 1, squeeze=False)[0]
        for axes, name in zip(panels, metrics, strict=False):
            for index, each in enumerate(series):
                _draw_series(axes, each, name, window, index, with_trials=len(series) == 1)
            _set_up_axes(axes, name, all_constraints(series))
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 5) or 1)
        over = ", averaged over seeds" if any(len(each.runs) > 1 for each in series) else ""
        add_title(figure, "Population", f"Mean of the last {window} trials by number, at their best epochs{over}.")

    write_or_explain(all_records(series), path, (5.2 * max(len(metrics), 1.4), 4.2), draw)


def window_size(n_trials: int) -> int:
    """Return the number of trials that are averaged."""
    return min(max(n_trials // _WINDOWS, _MIN_WINDOW), _MAX_WINDOW)


def moving_mean(values: Values, window: int) -> Values:
    """Return the (n − window + 1,) means of successive values; empty with fewer values than the window."""
    if len(values) < window:
        return np.zeros(0)
    return np.convolve(values, np.ones(window) / window, mode="valid")


def _scores(run: StudyData, metric: str) -> list[tuple[int, float]]:
    """Return (number, metric at the best epoch) of each fully trained trial that has the metric, by number."""
    scores = (
        (record.trial, metric_at_best_epoch(record, metric))
        for record in sorted(run.records, key=lambda record: record.trial)
        if record.has_loss and not record.imported and record.complete
    )
    return [(number, value) for number, value in scores if value is not None]


def _draw_series(axes: Axes, series: Series, metric: str, window: int, index: int, *, with_trials: bool) -> None:
    runs = [np.array(scores, float) for run in series.runs if len(scores := _scores(run, metric)) >= window]
    if not runs:
        return
    means = [moving_mean(run[:, 1], window) for run in runs]
    shortest = min(map(len, means))
    line = np.mean([mean[:shortest] for mean in means], axis=0)
    # At the number of the latest trial; with several seeds of the first run, as they differ by failures only.
    numbers = runs[0][window - 1 :, 0][:shortest]
    if with_trials:
        for run in runs:
            axes.scatter(run[:, 0], run[:, 1], s=9, color=GREY, alpha=0.45, linewidths=0, zorder=2, label="trial")
    label = series.label or f"mean of the last {window}"
    axes.plot(numbers, line, linewidth=1.8, label=label, zorder=3, **line_style(index))


def _set_up_axes(axes: Axes, metric: str, constraints: Sequence[Constraint]) -> None:
    axes.set_xlabel("trial")
    axes.set_ylabel(metric_label(metric))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    drawn = [np.asarray(line.get_ydata(), float) for line in axes.lines]
    drawn += [np.asarray(dots.get_offsets(), float)[:, 1] for dots in axes.collections]
    if drawn:
        axes.set_ylim(score_limits(list(np.concatenate(drawn)), maximised=True))
    draw_constraints(axes, constraints, y=metric)
