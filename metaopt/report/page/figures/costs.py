"""Cost of a search: seconds by activity, by the origin of the trials and by rung."""

import textwrap
from collections.abc import Sequence

import plotly.graph_objects as go

from metaopt.report.analysis.costs import Cost, costs_by_activity, costs_by_origin, costs_by_rung
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.formatting import format_duration
from metaopt.report.page.panel import Panel, make_figure
from metaopt.report.page.text import plot_text
from metaopt.report.plots.progress import time_unit
from metaopt.report.plots.style import BLUE
from metaopt.storage.study import Study

_LABEL = 28
"""Letters of a line of a label, so that labels leave room for the bars on a phone."""


def cost_panels(study: Study, data: StudyData) -> list[Panel]:
    """Return a bar chart for each division of the cost."""
    own = data.without_imported().records
    if not own:
        return []
    activity = costs_by_activity(study, own)
    if not activity:
        return []
    panels = [
        _bars(
            "costs",
            "Time of the workers",
            activity,
            "Wall seconds, summed over the workers. The epochs of a trial include their validation.",
        )
    ]
    origins, rungs = costs_by_origin(study, own), costs_by_rung(study, own)
    if len(origins) > 1:
        panels.append(_bars("costs-origin", "By the origin of the trials", origins, "Wall seconds of all their jobs."))
    if len(rungs) > 1:
        panels.append(_bars("costs-rungs", "By rung", rungs, "Seconds of the epochs between two rungs."))
    return panels


def _bars(name: str, title: str, costs: Sequence[Cost], note: str) -> Panel:
    scale, unit = time_unit(max(cost.seconds for cost in costs))
    total = sum(cost.seconds for cost in costs) or 1.0
    labels = ["<br>".join(map(plot_text, textwrap.wrap(cost.label, _LABEL))) for cost in costs]
    texts = [format_duration(cost.seconds) for cost in costs]
    details = [
        f"{text}, {cost.seconds / total:.0%}"
        + (f"<br>{cost.trials} trials" if cost.trials else "")
        + (f"<br>{cost.epochs:,} epochs" if cost.epochs else "")
        for text, cost in zip(texts, costs, strict=True)
    ]
    bars = go.Bar(
        x=[cost.seconds / scale for cost in costs],
        y=list(range(len(costs))),
        text=texts,
        customdata=details,
        orientation="h",
        marker={"color": BLUE},
        hovertemplate="%{customdata}<extra></extra>",
    )
    y = {"tickvals": list(range(len(costs))), "ticktext": labels, "autorange": "reversed"}
    figure = make_figure([bars], {"title": unit, "rangemode": "tozero"}, y)
    return Panel(name, title, note, figure, height=max(180, 90 + 34 * len(costs)))
