"""How a population fares: mean accuracy and precision of the latest trials, over the search."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from metaopt.report.analysis.scores import describe_metric, limits_of, succeeded
from metaopt.report.plots.constraints import draw_limits
from metaopt.report.plots.series import Series, look
from metaopt.report.plots.style import GREY, score_limits, title, write_or_explain
from metaopt.trials.constraints import Constraint
from metaopt.trials.record import Record

Values = npt.NDArray[np.float64]

_METRICS = ("val_accuracy", "val_precision")
# A tenth of the trials, within these bounds: about a population, and enough for a mean.
_SHARE, _SMALLEST, _LARGEST = 10, 5, 50


def shows_population(series: Sequence[Series]) -> bool:
    """Whether trials descend from trials, and there are enough of them for a line."""
    descended = any(record.get("parent") is not None for each in series for record in each.records)
    runs = [run for each in series for run in each.runs]
    return descended and any(len(_scored(run, metric)) > _SMALLEST for run in runs for metric in _METRICS)


def population_figure(series: Sequence[Series], path: Path) -> None:
    """Draws the mean of the latest trials over the trials' numbers, for accuracy and for precision.

    Over several seeds it is the mean of their means. Failed trials are left out and those that were not fully trained,
    which do not belong to the population; those that break a limit do.

    Args:
        series: of one data set; see ``shows_population``.
        path: of the picture.

    Raises:
        ResultsNotWritable: the picture cannot be written there.
    """
    records = [record for each in series for record in each.records]
    metrics = [name for name in _METRICS if any(_scored(run, name) for each in series for run in each.runs)]
    scored = [len(_scored(run, name)) for each in series for run in each.runs for name in metrics]
    window = window_of(min(filter(None, scored), default=0))

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(metrics) or 1, squeeze=False)[0]
        limits = limits_of(records)
        for axes, name in zip(panels, metrics, strict=False):
            for index, each in enumerate(series):
                _draw(axes, each, name, window, index, dots=len(series) == 1)
            _frame(axes, name, limits)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 5) or 1)
        seeds = any(len(each.runs) > 1 for each in series)
        over = ", averaged over seeds" if seeds else ""
        title(figure, "The population", f"Mean of the last {window} trials by number, at their best epochs{over}.")

    write_or_explain(records, path, (5.2 * max(len(metrics), 1.4), 4.2), draw)


def window_of(trials: int) -> int:
    """How many trials are averaged."""
    return min(max(trials // _SHARE, _SMALLEST), _LARGEST)


def moving_mean(values: Values, window: int) -> Values:
    """(n − window + 1,) mean of each ``window`` successive values; empty where there are fewer."""
    if len(values) < window:
        return np.zeros(0)
    return np.convolve(values, np.ones(window) / window, mode="valid")


def _scored(run: Sequence[Record], metric: str) -> list[tuple[int, float]]:
    """(number, value at the best epoch) of each trial that has the metric, by number."""
    scores = (
        (record["trial"], (record.get("scores") or {}).get("best", {}).get(metric))
        for record in sorted(run, key=lambda record: record["trial"])
        if succeeded(record) and not record.get("imported") and record.get("complete", True)
    )
    return [(number, value) for number, value in scores if value is not None]


def _draw(axes: Axes, series: Series, metric: str, window: int, index: int, *, dots: bool) -> None:
    runs = [np.array(scored, float) for run in series.runs if len(scored := _scored(run, metric)) >= window]
    style = look(index)
    if not runs:
        return
    means = [moving_mean(run[:, 1], window) for run in runs]
    shortest = min(map(len, means))
    line = np.mean([mean[:shortest] for mean in means], axis=0)
    # By the number of the latest trial; of several seeds the first one's, which differ by failures only.
    places = runs[0][window - 1 :, 0][:shortest]
    if dots:
        for run in runs:
            axes.scatter(run[:, 0], run[:, 1], s=9, color=GREY, alpha=0.45, linewidths=0, zorder=2, label="trial")
    label = series.label or f"mean of the last {window}"
    axes.plot(places, line, linewidth=1.8, label=label, zorder=3, **style)


def _frame(axes: Axes, metric: str, limits: Sequence[Constraint]) -> None:
    axes.set_xlabel("trial")
    axes.set_ylabel(describe_metric(metric))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    drawn = [np.asarray(line.get_ydata(), float) for line in axes.lines]
    drawn += [np.asarray(dots.get_offsets(), float)[:, 1] for dots in axes.collections]
    if drawn:
        axes.set_ylim(score_limits(list(np.concatenate(drawn)), maximised=True))
    draw_limits(axes, limits, y=metric)
