"""Overview of several studies side by side: a table, and the best score so far of all."""

import os
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import numpy as np
import plotly.graph_objects as go

from metaopt.report.analysis.study_data import StudyData
from metaopt.report.analysis.trajectory import anytime_trajectory
from metaopt.report.formatting import metric_label
from metaopt.report.page.panel import Panel, make_figure, score_axis
from metaopt.report.page.text import plot_text
from metaopt.report.plots.score_axis import ScoreAxis
from metaopt.report.plots.series import line_style
from metaopt.server.feed import StudyFeed
from metaopt.storage.study import JOURNAL, Study

_DASHES = ("solid", "dash", "dot")
_EFFORTS = {"trials": "trials", "seconds": "search time (seconds)", "epochs": "epochs trained, of all trials"}


def make_overview(feeds: Iterable[StudyFeed]) -> dict[str, Any]:
    """Return the document of the overview.

    Returns:
        ``studies``, each with its address and state, or the ``error`` why it cannot be read; and ``sections`` with the
        figures, one for each objective on the same data.
    """
    rows: list[dict[str, Any]] = []
    groups: dict[tuple[str, str], list[tuple[str, StudyData]]] = {}
    for feed in feeds:
        found = feed.summary()
        address = f"studies/{quote(feed.slug)}/"
        if isinstance(found, str):
            rows.append({"name": feed.slug, "address": address, "error": found})
            continue
        study, data = found
        rows.append({"name": feed.slug, "address": address, **_state(study, data)})
        if data.with_loss:
            key = str(study.header["fingerprint"].get("data")), data.objective.name
            groups.setdefault(key, []).append((feed.slug, data))
    sections = [
        {"name": f"best-{number}", "title": f"Best {metric_label(objective)} so far", "note": "", "panels": panels}
        for number, ((_, objective), members) in enumerate(groups.items())
        if (panels := [panel.to_json() for panel in _panels(number, members)])
    ]
    return {"title": "Studies", "studies": rows, "sections": sections}


def _state(study: Study, data: StudyData) -> dict[str, Any]:
    best, settings = data.best, study.settings
    own = [trial for trial in study.state.trials if trial.is_own]
    return {
        "trials": sum(trial.status in ("ok", "fail", "paused") for trial in own),
        "goal": settings["base"] + settings["trials"] if settings else None,
        "objective": data.objective.name,
        "score": None if best is None or best.loss is None else data.objective.value(best.loss),
        "strategy": data.strategy,
        "subject": data.subject,
        "is_completed": study.state.finished,
        "age_s": max(0.0, time.time() - os.stat(study.folder / JOURNAL).st_mtime),
    }


def _panels(number: int, members: list[tuple[str, StudyData]]) -> Iterable[Panel]:
    objective = members[0][1].objective
    curves = [(slug, anytime_trajectory(data.records)) for slug, data in members]
    scores = [
        objective.value(point.best_loss) for _, points in curves for point in points if point.best_loss is not None
    ]
    axis = ScoreAxis.of(objective, scores)
    for name, label in _EFFORTS.items():
        traces = []
        for index, (slug, points) in enumerate(curves):
            at = {
                "trials": np.array([point.n_trials for point in points], float),
                "seconds": np.array([point.clock for point in points]),
                "epochs": np.array([point.total_epochs for point in points], float),
            }[name]
            best = np.array([np.nan if p.best_loss is None else objective.value(p.best_loss) for p in points])
            if len(at) and at.max() > 0:
                traces.append(_line(slug, at, best, index))
        if traces:
            figure = make_figure(traces, {"title": label}, score_axis(axis))
            yield Panel(f"best-{number}-{name}", f"By {name}", figure=figure)


def _line(slug: str, at: np.ndarray, best: np.ndarray, index: int) -> Any:
    """Return the steps of one study, with the points at which it changes."""
    changes = np.append(True, best[1:] != best[:-1]) & ~np.isnan(best)
    changes[-1] = not np.isnan(best[-1])
    line = {"color": line_style(index)["color"], "width": 2, "shape": "hv", "dash": _DASHES[index // 7 % len(_DASHES)]}
    return go.Scatter(
        x=at[changes],
        y=best[changes],
        mode="lines",
        name=plot_text(slug),
        line=line,
        text=[plot_text(slug)] * int(changes.sum()),
        hovertemplate="%{text}<br>%{x:.6~g}<br>%{y:.5~g}<extra></extra>",
    )
