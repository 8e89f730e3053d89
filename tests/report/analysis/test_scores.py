import math
from pathlib import Path

from metaopt.report.analysis.scores import absence, best_so_far, describe, eligible, objective_of, succeeded
from tests.report.making import make_failure, make_record


def test_what_may_be_the_best() -> None:
    assert eligible(make_record(0))
    assert not eligible(make_record(0, feasible=False))
    assert not eligible(make_record(0, imported=True))
    assert not eligible(make_failure(0))
    assert not succeeded(make_record(0, loss=math.nan))
    assert not succeeded(make_record(0, loss=None))


def test_best_so_far_passes_over_what_may_not_be_the_best() -> None:
    losses = [(None, {}), (-0.5, {}), (-0.9, {"imported": True}), (-0.8, {"feasible": False}), (-0.4, {}), (-0.6, {})]
    records = [make_record(i, loss=loss, **more) for i, (loss, more) in enumerate(losses)]
    assert best_so_far(records) == [None, -0.5, -0.5, -0.5, -0.5, -0.6]


def test_the_objective_is_told_by_the_records() -> None:
    assert objective_of([]).name == "val_accuracy"
    assert objective_of([make_record(0, objective="val_loss")]).name == "val_loss"


def test_why_there_is_nothing_to_draw() -> None:
    assert absence([]) == "No trial has ended yet."
    assert absence([make_failure(0), make_record(1)]) is None
    assert absence([make_failure(0)]) == "None of 1 trials succeeded; the last one: The loss is not a number."


def test_the_closing_words_never_call_the_score_the_models_accuracy() -> None:
    text = describe(make_record(7, loss=-0.9876), Path("results"))
    assert "best validation accuracy 0.9876, by trial 7 at epoch 12 of 12" in text
    assert "optimistic" in text
    assert "--results" not in text
    assert "best --results 'my study'" in describe(make_record(7), Path("my study"))
