"""The document of a page: of every kind of study, and of studies in which nothing succeeded."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hyperopt import hp

from metaopt.report.analysis import StudyData
from metaopt.report.page.document import make_document
from metaopt.report.page.html import to_json
from metaopt.storage.study import Study
from tests.engine.synthetic import SyntheticExecutor, search
from tests.report.searched import search_study

ASSETS = Path(__file__).parents[2] / "assets" / "studies"
STUDIES = sorted(path.name for path in ASSETS.iterdir() if path.is_dir())
HOSTILE = "<img src=x onerror=alert(1)>\x1b"


def panels(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {panel["name"]: panel for section in document["sections"] for panel in section["panels"]}


def points(trace: dict[str, Any]) -> int:
    """Number of a trace's points, which plotly may hold as base64."""
    x = trace["x"]
    if isinstance(x, dict):
        return len(np.frombuffer(base64.b64decode(x["bdata"]), x["dtype"]))
    return len(x)


@pytest.mark.parametrize("name", STUDIES)
def test_studies_of_earlier_versions_have_a_page(name: str) -> None:
    study = Study.load(ASSETS / name)
    document = json.loads(to_json(make_document(study)))
    assert document["title"] == name
    assert document["message"] is None
    assert len(document["table"]["rows"]) == len(study.records)
    drawn = panels(document)
    marks = [trace for trace in drawn["progress"]["figure"]["data"] if trace["name"] not in ("best", "best so far")]
    assert sum(map(points, marks)) == len(study.records)
    assert all(panel["figure"] or panel["message"] for panel in drawn.values())


@pytest.mark.slow
def test_every_analysis_has_a_panel(tmp_path: Path) -> None:
    study = search_study(tmp_path / "results", scheduler="hyperband", epochs=9, trials=60, constraints=("params<=5e5",))
    drawn = panels(make_document(study))
    names = {"progress", "progress-time", "progress-epochs", "trade-off-params-val_accuracy", "importance", "effect-0"}
    names |= {"parallel", "curves-validation", "rungs", "correlation", "rejections", "costs", "costs-rungs"}
    assert names <= set(drawn)
    assert all(drawn[name]["figure"] for name in names - {"rejections"}), {n: drawn[n]["message"] for n in names}
    labels = drawn["costs"]["figure"]["layout"]["yaxis"]["ticktext"]
    assert "epochs of trials that were<br>fully trained" in labels  # short lines leave room for the bars on a phone


def test_a_study_without_trials_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "results", trials=1, executor=SyntheticExecutor(interrupted_after=1))
    document = make_document(Study.load(tmp_path / "results"))
    assert document["message"] == "No trial has ended yet."
    assert [section["name"] for section in document["sections"]] == ["rejections"]
    assert [row["status"] for row in document["table"]["rows"]] == ["running"]


def test_failures_only_are_grouped_by_cause(tmp_path: Path) -> None:
    study = search(tmp_path / "results", trials=3, executor=SyntheticExecutor(fails=lambda job: True))
    document = make_document(study)
    assert document["message"] == "None of 3 trials succeeded. The last error: it was told to fail"
    (group,) = document["failures"]
    assert (group["cause"], group["trials"]) == ("ValueError", (0, 1, 2))
    assert document["tiles"][0]["value"] == "none yet"
    assert document["network"] == {"message": "There is no best trial yet."}


def test_names_of_the_user_are_escaped_in_figures(tmp_path: Path) -> None:
    space = {HOSTILE: hp.choice("c", [HOSTILE, "plain"]), "x": hp.uniform("x", -1, 1), "branch": None}
    study = search(tmp_path / HOSTILE.replace("/", ""), trials=25, space=space)
    document = make_document(study)
    for panel in panels(document).values():
        text = to_json(panel["figure"])
        assert "<img" not in text
        assert "\\u001b" not in text
    names = document["table"]["names"]
    assert HOSTILE in names  # the page adds it as text
    assert "\\u001b" not in to_json(document)


def test_a_point_has_active_hyperparameters_only(tmp_path: Path) -> None:
    study = search(tmp_path / "results", trials=12)
    document = make_document(study)
    names = document["table"]["names"]
    for record, row in zip(StudyData.of(study).records, document["table"]["rows"], strict=True):
        shown = {names[index] for index, _ in row["point"]}
        assert shown == ({"x", "branch.y"} if isinstance(record.point["branch"], dict) else {"x", "branch"})
