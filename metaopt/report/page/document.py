"""The document of a page: everything that the page of one study shows, as JSON."""

import time
from dataclasses import asdict
from typing import Any

import numpy as np

import metaopt
from metaopt.report.analysis.audit import FOLDER, read_audit
from metaopt.report.analysis.failures import group_failures
from metaopt.report.analysis.ranked_features import rank_features
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.analysis.truncation import truncate_study
from metaopt.report.page.figures import (
    budget_panels,
    cost_panels,
    hyperparameter_panels,
    importance_panel,
    learning_curve_panels,
    parallel_coordinates_panel,
    progress_panels,
    rejections_panel,
    trade_off_panels,
)
from metaopt.report.page.figures.hyperparameters import explain_effects
from metaopt.report.page.network import best_network
from metaopt.report.page.panel import Panel
from metaopt.report.page.summary import summarise
from metaopt.report.page.trial_table import retrain_command, table_columns, table_rows
from metaopt.report.plots.hyperparameters import truncation_text
from metaopt.report.plots.style import explain_no_success
from metaopt.storage.study import Study


@np.errstate(all="ignore")  # np.seterr(all="raise") in a user's code is meant for that code
def make_document(study: Study, data: StudyData | None = None, *, with_table: bool = True) -> dict[str, Any]:
    """Return the document of a study; a search may be running on it.

    Args:
        study: the study.
        data: its data, where they are known already.
        with_table: whether the table of trials is among it.

    Returns:
        ``title``, ``caption``, ``written``, ``message`` where no trial succeeded, ``tiles``, ``sentences``,
        ``sections`` (each with its panels), ``failures``, ``network`` and ``table``.
    """
    data = StudyData.of(study) if data is None else data
    tiles, sentences = summarise(study, data)
    if (audit := read_audit(study.folder)) is not None:
        sentences += audit.describe(study.folder / FOLDER, most=0)
    document = {
        "title": data.name or "study",
        "caption": data.caption,
        "written": f"metaopt {metaopt.__version__}, {time.strftime('%Y-%m-%d %H:%M:%S')}",
        "message": explain_no_success(data.records),
        "tiles": [tile.to_json() for tile in tiles],
        "sentences": sentences,
        "sections": _sections(study, data),
        "failures": [asdict(group) for group in group_failures(data.records)],
        "network": best_network(study, data),
    }
    if with_table:
        rows = table_rows(study, data)
        document["table"] = {"columns": table_columns(data), **rows, "command": retrain_command(study, data)}
    return document


def _sections(study: Study, data: StudyData) -> list[dict[str, Any]]:
    """Return the sections with their panels; one without panels is left out."""
    sections = []
    if data.with_loss:
        truncated, epochs = truncate_study(data)
        ranked = rank_features(truncated, None)
        effects = f"Hyperparameters{truncation_text(epochs, len(ranked.records))}"
        sections += [
            _section("progress", "Best so far", progress_panels(data)),
            _section("size", "Size against the objective", trade_off_panels(data)),
            _section("importance", "Importance", [importance_panel(ranked)]),
            _section("hyperparameters", effects, hyperparameter_panels(truncated, ranked), explain_effects(ranked)),
            _section("parallel", "Parallel coordinates", [parallel_coordinates_panel(truncated, ranked)]),
            _section("curves", "Learning curves", learning_curve_panels(data)),
            _section("budgets", "Rungs", budget_panels(data)),
        ]
    sections += [
        _section("rejections", "Rejections", [rejections_panel(study)]),
        _section("costs", "Cost", cost_panels(study, data)),
    ]
    return [section for section in sections if section["panels"]]


def _section(name: str, title: str, panels: list[Panel], note: str = "") -> dict[str, Any]:
    return {"name": name, "title": title, "note": note, "panels": [panel.to_json() for panel in panels]}
