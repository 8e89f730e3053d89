"""Each picture is drawn from every kind of study without a warning; what it shows was looked at by eye."""

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hyperopt import hp
from matplotlib.image import imread

from metaopt.errors import ResultsNotWritable
from metaopt.report.plots import anytime_figure, draw_all, learning_curves, pair_matrix, progress_figure, scatter_matrix
from metaopt.report.plots.style import score_limits
from tests.report.making import Record, make_failure, make_record

FIGURES = [progress_figure, anytime_figure, scatter_matrix, pair_matrix, learning_curves]
Draw = Callable[[list[Record], Path], None]


def ink(path: Path) -> int:
    """How many different rows of pixels a picture has: a measure of how much is drawn."""
    return len(np.unique(imread(path), axis=0))


def changed(records: list[Record], **changes: Any) -> list[Record]:
    return [record | changes for record in records]


STUDIES: dict[str, Callable[[list[Record]], list[Record]]] = {
    "forty trials": lambda records: records,
    "one": lambda records: records[:1],
    "two": lambda records: records[:2],
    "only imported": lambda records: changed(records, imported=True),
    "some imported": lambda records: changed(records[:20], imported=True, ended=None) + records[20:],
    "none keeps the limits": lambda records: changed(records, feasible=False),
    "all equally good": lambda records: changed(records, loss=-0.5),
    "a loss": lambda records: changed(records[4:8], loss=2.5, objective="val_loss"),
    "no clock": lambda records: [{k: v for k, v in r.items() if k != "ended"} for r in records],
    "no histories": lambda records: changed(records, history={}, best_epoch=None),
    "constant": lambda records: changed(records, space={"x": 1}),
    "a scalar space": lambda records: [r | {"space": r["space"]["rate"]} for r in records],
    "infinite epochs": lambda records: changed(records[:2], history={"val_accuracy": [None, 0.5], "loss": [1e9, 1.0]}),
}

QUICK = ("forty trials", "one")


@pytest.mark.parametrize("draw", FIGURES, ids=lambda draw: draw.__name__)
@pytest.mark.parametrize(
    "study", [study if study in QUICK else pytest.param(study, marks=pytest.mark.slow) for study in STUDIES]
)
def test_any_study_is_drawn(study: str, draw: Draw, records: list[Record], tmp_path: Path) -> None:
    path = tmp_path / "figures" / "x.png"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw(STUDIES[study](records), path)
    assert ink(path) > 10


@pytest.mark.parametrize("draw", FIGURES, ids=lambda draw: draw.__name__)
@pytest.mark.parametrize("made", [[], [make_failure(0), make_failure(1)]], ids=["none", "failed"])
def test_a_study_without_success_gets_a_message(draw: Draw, made: list[Record], tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    draw(made, path)
    assert imread(path).shape[:2] == (375, 1200)


@pytest.mark.slow
def test_all_at_once_with_hundreds_of_trials_and_the_space(tmp_path: Path) -> None:
    made = [make_record(trial) for trial in range(300)]
    space = {"rate": hp.loguniform("learning_rate", -9, -2), "pool": hp.choice("pool", ["max", "avg", "conv"])}
    paths = draw_all(made, tmp_path, space, n_validation=359)
    names = ["progress", "anytime", "scatter_matrix", "pairs", "learning_curves", "trade_off"]
    assert [path.stem for path in paths] == names
    assert all(ink(path) > 100 for path in paths)
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


@pytest.mark.slow
def test_a_search_over_rungs_has_figures_of_its_own(rung_records: list[Record], tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        paths = draw_all(rung_records, tmp_path)
    names = ["progress", "anytime", "scatter_matrix", "pairs", "learning_curves", "rungs", "foretelling"]
    assert [path.stem for path in paths] == names
    assert all(ink(path) > 100 for path in paths)


@pytest.mark.slow
def test_the_references_trials_are_drawn(reference_records: list[Record], tmp_path: Path) -> None:
    for path in draw_all(reference_records, tmp_path):
        # Imported trials have no place in the course of a search.
        assert imread(path).shape[:2] == (375, 1200) if path.stem == "anytime" else ink(path) > 100


def test_a_picture_that_cannot_be_written_is_said_in_one_sentence(records: list[Record], tmp_path: Path) -> None:
    (tmp_path / "figures").write_text("a file where the folder should be")
    with pytest.raises(ResultsNotWritable, match=r"x\.png cannot be written"):
        progress_figure(records, tmp_path / "figures" / "x.png")


def test_a_hopeless_trial_does_not_squeeze_the_others() -> None:
    scores = [0.9 + 0.001 * i for i in range(20)]
    low, _ = score_limits([*scores, 0.01], maximised=True)
    assert low > 0.8
    _, high = score_limits([*scores, 1e6], maximised=False)
    assert high < 1.1
