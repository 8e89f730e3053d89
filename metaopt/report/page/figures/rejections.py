"""Proposals that the guard rejected before training, by reason."""

import plotly.graph_objects as go

from metaopt.report.page.panel import Panel, make_figure
from metaopt.report.page.text import plot_text
from metaopt.report.plots.style import BLUE
from metaopt.storage.study import Study


def rejections_panel(study: Study) -> Panel:
    """Return the panel of the rejections."""
    title, counts = "Rejected before training", study.state.rejected.most_common()
    if not counts:
        return Panel("rejections", title, message="No proposal was rejected.")
    names = [plot_text(reason) for reason, _ in counts]
    bars = go.Bar(
        x=[count for _, count in counts],
        y=names,
        text=[f"{count:,}" for _, count in counts],
        orientation="h",
        marker={"color": BLUE},
        hovertemplate="%{y}<br>%{x:,} proposals<extra></extra>",
    )
    note = "Invalid architectures, networks beyond a limit, and duplicates of trained networks: none was trained."
    figure = make_figure(
        [bars], {"title": "proposals", "rangemode": "tozero"}, {"autorange": "reversed", "type": "category"}
    )
    return Panel("rejections", title, note, figure, height=max(160, 90 + 34 * len(counts)))
