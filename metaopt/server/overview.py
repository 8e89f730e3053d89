"""Overview of several studies side by side: a table, and the best score so far of all."""

import contextlib
import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import plotly.graph_objects as go

from metaopt.report.analysis.study_data import StudyData
from metaopt.report.analysis.trajectory import TrajectoryPoint, anytime_trajectory
from metaopt.report.formatting import metric_label
from metaopt.report.page.panel import Panel, make_figure, score_axis
from metaopt.report.page.text import plot_text
from metaopt.report.plots.score_axis import ScoreAxis
from metaopt.report.plots.series import line_style
from metaopt.server.feed import StudyFeed
from metaopt.storage.study import JOURNAL, Study
from metaopt.trials.objective import Objective

_DASHES = ("solid", "dash", "dot")
# Measure of effort → attribute of ``TrajectoryPoint``, and label.
_EFFORTS = {
    "trials": ("n_trials", "trials"),
    "seconds": ("clock", "search time (seconds)"),
    "epochs": ("total_epochs", "epochs trained, of all trials"),
}


class Overview:
    """Overview of studies; what it shows of a study is kept until the study changes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[int, Entry]] = {}

    def document(self, feeds: Iterable[StudyFeed]) -> dict[str, Any]:
        """Return the document of the overview.

        Returns:
            ``studies``, each with its address and state, or the ``error`` why it cannot be read; and ``sections`` with
            the figures, one for each objective on the same data.
        """
        with self._lock:
            entries = [self._entry(feed) for feed in feeds]
        groups: dict[tuple[str, str], list[Entry]] = {}
        for entry in entries:
            if entry.points and entry.objective is not None:
                groups.setdefault((entry.fingerprint, entry.objective.text), []).append(entry)
        sections = [
            {
                "name": f"best-{number}",
                "title": f"Best {metric_label(members[0].objective.name)} so far",  # type: ignore[union-attr]
                "note": "",
                "panels": [panel.to_json() for panel in _panels(number, members)],
            }
            for number, members in enumerate(groups.values())
        ]
        return {"title": "Studies", "studies": [_row(entry) for entry in entries], "sections": sections}

    def _entry(self, feed: StudyFeed) -> "Entry":
        version = feed.version()
        known = self._known.get(feed.slug)
        if known is None or known[0] != version:
            known = self._known[feed.slug] = version, _make_entry(feed)
        return known[1]


@dataclass(frozen=True)
class Entry:
    """One study in the overview.

    Attributes:
        slug: its name in addresses.
        row: its cells.
        fingerprint: that of its data.
        objective: its objective; None where it cannot be read.
        points: its trajectory.
        journal: its journal, whose time is that of the last change; None likewise.
    """

    slug: str
    row: dict[str, Any]
    fingerprint: str = ""
    objective: Objective | None = None
    points: Sequence[TrajectoryPoint] = ()
    journal: Path | None = None


def _make_entry(feed: StudyFeed) -> Entry:
    found = feed.summary()
    if isinstance(found, str):
        return Entry(feed.slug, {"error": found})
    study, data = found
    return Entry(
        feed.slug,
        _state(study, data),
        str(study.header["fingerprint"].get("data")),
        data.objective,
        anytime_trajectory(data.records) if data.with_loss else (),
        study.folder / JOURNAL,
    )


def _row(entry: Entry) -> dict[str, Any]:
    age_s = None
    if entry.journal is not None:
        with contextlib.suppress(OSError):
            age_s = max(0.0, time.time() - os.stat(entry.journal).st_mtime)
    return {"name": entry.slug, "address": f"studies/{quote(entry.slug)}/", **entry.row, "age_s": age_s}


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
    }


def _panels(number: int, members: Sequence[Entry]) -> Iterator[Panel]:
    objective = members[0].objective
    assert objective is not None
    best = [point.best_loss for entry in members for point in entry.points if point.best_loss is not None]
    axis = ScoreAxis.of(objective, map(objective.value, best))
    for name, (attribute, label) in _EFFORTS.items():
        traces = []
        for index, entry in enumerate(members):
            at = np.array([getattr(point, attribute) for point in entry.points], float)
            losses = [point.best_loss for point in entry.points]
            values = np.array([np.nan if loss is None else objective.value(loss) for loss in losses])
            if at.max() > 0:
                traces.append(_line(entry.slug, at, values, index))
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
