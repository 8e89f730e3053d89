"""Reliability diagram: the share of predictions that came true, by their probability."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from metaopt.report.analysis.reliability import N_BINS, Reliability
from metaopt.report.plots.style import BLUE, GREY, VERMILLION, add_title, write_figure


def reliability_figure(reliability: Mapping[str, Reliability], path: Path, caption: str = "") -> None:
    """Draw a panel for each head: accuracy by confidence, and below how many predictions each bin has.

    Args:
        reliability: head → reliability of its probabilities.
        path: the PNG file; the SVG is beside it.
        caption: the model and its data.

    Raises:
        ResultsNotWritable: A file cannot be written.
    """

    def draw(figure: Figure) -> None:
        panels = figure.subplots(2, len(reliability), sharex=True, squeeze=False, height_ratios=(3, 1))
        for column, (head, each) in enumerate(reliability.items()):
            upper, lower = panels[0, column], panels[1, column]
            confidences = np.array([one.confidence for one in each.bins])
            centres = (np.minimum((confidences * N_BINS).astype(int), N_BINS - 1) + 0.5) / N_BINS
            upper.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=(0, (4, 2)), label="perfect")
            shares = [one.share for one in each.bins]
            upper.bar(centres, shares, width=0.9 / N_BINS, color=BLUE, alpha=0.35, label="share that came true")
            upper.plot(confidences, shares, "o", color=VERMILLION, markersize=4, label="at the mean probability")
            upper.set(xlim=(0, 1), ylim=(0, 1.02))
            upper.set_title(f"{head}: ECE {each.ece:.4f}", loc="left", fontweight="bold")
            lower.bar(centres, [one.count for one in each.bins], width=0.9 / N_BINS, color=GREY)
            lower.set(xlabel="predicted probability")
        panels[0, 0].set_ylabel("share that came true")
        panels[1, 0].set_ylabel("predictions")
        panels[0, 0].legend(loc="upper left")
        detail = "Bars below the diagonal: probabilities are too high."
        add_title(figure, "Reliability of the probabilities", detail, caption)

    write_figure(path, (max(5.2, 4.2 * len(reliability)), 5.4), draw)
