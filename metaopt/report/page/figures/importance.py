"""Importance of the hyperparameters for a place among the best trials."""

import plotly.graph_objects as go

from metaopt.report.analysis.importance import MAX_TRIALS, has_optuna, importances
from metaopt.report.analysis.ranked_features import RankedFeatures
from metaopt.report.analysis.statistics import MIN_TRIALS
from metaopt.report.page.panel import Panel, make_figure
from metaopt.report.page.text import plot_text
from metaopt.report.plots.hyperparameters import cut_name
from metaopt.report.plots.style import BLUE

MAX_BARS = 20


def importance_panel(ranked: RankedFeatures) -> Panel:
    """Return the panel of the importances, the largest at the top."""
    title = "Importance (PED-ANOVA)"
    if not has_optuna():
        message = "The importance is computed by Optuna, which is not installed: pip install optuna."
        return Panel("importance", title, message=message, width="wide")
    found = importances([feature for feature, _ in ranked.features], ranked.losses)[:MAX_BARS]
    if not found:
        n = len(ranked.records)
        message = f"The importance needs {MIN_TRIALS} trials of different scores; {n} succeeded."
        return Panel("importance", title, message=message, width="wide")
    places = list(range(len(found)))
    names = [plot_text(cut_name(each.name, 28)) for each in found]
    bars = go.Bar(
        x=[each.share for each in found],
        y=places,
        text=names,
        textposition="none",
        orientation="h",
        marker={"color": BLUE},
        hovertemplate="%{text}<br>%{x:.1%}<extra></extra>",
    )
    x = {"title": "share of the importance", "tickformat": ".0%", "rangemode": "tozero"}
    y = {"tickvals": places, "ticktext": names, "autorange": "reversed"}
    note = (
        "How much a hyperparameter decides whether a trial is among the best tenth. It describes the trials of this"
        " search, as the sampler drew them."
    )
    if len(ranked.records) > MAX_TRIALS:
        note += f" Of {MAX_TRIALS} of {len(ranked.records)} trials, evenly spaced."
    height = max(220, 60 + 24 * len(found))
    return Panel("importance", title, note, make_figure([bars], x, y), width="wide", height=height)
