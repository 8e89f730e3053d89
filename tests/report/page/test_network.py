"""The drawing of the best network: an SVG within an image, or why there is none."""

import base64
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from metaopt.blueprint import Blueprint
from metaopt.blueprint.drawn import pack_drawing
from metaopt.problems.loading import load_reference
from metaopt.report.analysis import StudyData
from metaopt.report.page.network import best_network
from metaopt.spaces import compile_space
from tests.engine.synthetic import search
from tests.report.searched import search_study


def reference_network() -> Blueprint:
    problem = load_reference()
    space = compile_space(problem.space)
    return problem.blueprint(space.point(space.draw(np.random.default_rng(0))), (32, 32, 3), {"label": 10})


def test_the_network_of_the_best_trial_is_an_image(tmp_path: Path) -> None:
    study = search_study(tmp_path / "results", trials=2)
    best = study.require_best().trial
    study.state.trials[best].proposal["drawing"] = pack_drawing(reference_network())
    found = best_network(study, StudyData.of(study))
    assert found["trial"] == best
    svg = base64.b64decode(found["image"].removeprefix("data:image/svg+xml;base64,"))
    assert ElementTree.fromstring(svg).tag.endswith("svg")


def test_a_damaged_drawing_is_a_message(tmp_path: Path) -> None:
    study = search_study(tmp_path / "results", trials=1)
    study.state.trials[0].proposal["drawing"] = "no drawing"
    assert "cannot be read" in best_network(study, StudyData.of(study))["message"]


def test_studies_without_drawings_say_how_to_draw(tmp_path: Path) -> None:
    study = search_study(tmp_path / "results", trials=1)
    assert "--space FILE" in best_network(study, StudyData.of(study))["message"]
    function = search(tmp_path / "function", trials=1)
    data = replace(StudyData.of(function), is_of_function=True)
    assert best_network(function, data)["message"] == "A Python function was searched, so there is no network."
