"""Learning curves: which metrics are drawn, and the message where there are none."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from metaopt.report.analysis import StudyData
from metaopt.report.plots.curves import learning_curves
from tests.report.making import make_record, study_of
from tests.report.plots.conftest import is_message, texts

PATH = Path("unwritten.png")


def test_curves_of_all_trials_and_of_the_best(study: StudyData, figures: list[Figure]) -> None:
    learning_curves(study, PATH)
    (figure,) = figures
    trials, training, losses, accuracies = figure.axes
    assert [axes.get_yscale() for axes in figure.axes] == ["linear", "log", "log", "linear"]
    assert len(training.collections[0].get_paths()) == 37
    assert training.get_ylabel() == "training loss"
    assert len(trials.collections[0].get_paths()) == 37
    assert trials.get_ylabel() == "validation accuracy"
    assert [line.get_label() for line in losses.lines] == ["training", "validation", "best epoch"]
    assert [line.get_label() for line in accuracies.lines] == ["validation", "best epoch"]
    best = study.best
    assert best is not None
    assert np.asarray(losses.lines[1].get_ydata()).tolist() == best.history["val_loss"]
    assert trials.get_title(loc="left") == f"Validation of all trials; red: the best, trial {best.trial}"


def test_accuracy_of_training_is_drawn_if_known(figures: list[Figure]) -> None:
    history = {"val_accuracy": [0.1, 0.5], "accuracy": [0.2, 0.9], "val_loss": [2.0, 1.0], "train": [2.0, 0.5]}
    learning_curves(study_of([make_record(0, history=history)]), PATH)
    assert [axes.get_ylabel() for axes in figures[0].axes[2:]] == ["loss", "accuracy"]


def test_imported_trials_are_dashed_beside_own_ones(figures: list[Figure]) -> None:
    learning_curves(study_of([make_record(0), make_record(1, imported=True)]), PATH)
    styles = figures[0].axes[0].collections[0].get_linestyles()
    assert [dashes is None for _, dashes in styles] == [True, False]
    assert "dashed: imported" in texts(figures[0])


def test_imported_trials_alone_have_a_best(figures: list[Figure]) -> None:
    learning_curves(study_of(make_record(trial, score=0.1 * trial, imported=True) for trial in range(1, 4)), PATH)
    assert figures[0].axes[0].get_title(loc="left").endswith("red: the best, trial 3")
    assert "dashed" not in texts(figures[0])


def test_study_of_a_function_gives_a_message(function_study: StudyData, figures: list[Figure]) -> None:
    learning_curves(function_study, PATH)
    assert is_message(figures[0])
