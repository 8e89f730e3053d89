"""Folds of a new study: their number by default, what is said of it, and settings that exclude each other."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from metaopt.cli.search_folds import with_folds
from metaopt.data import DataSpec, load
from metaopt.data.fold_count import choose_fold_count
from metaopt.engine.callbacks import Callback
from metaopt.engine.fold_settings import check_folds
from metaopt.engine.settings import Settings
from metaopt.errors import UserError
from metaopt.problems.problem import Problem


class Notes(Callback):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, message: str) -> None:
        self.texts.append(message)


def data_of(folder: Path, counts: list[int]):
    """Images of classes of these sizes, with a test split of two of each."""
    labels = np.repeat(np.arange(len(counts)), counts)
    x = np.random.default_rng(0).integers(0, 255, (len(labels), 4, 4, 1), np.uint8)
    test = np.repeat(np.arange(len(counts)), 2)
    np.savez(folder / "own.npz", x_train=x, y_train=labels, x_test=x[: len(test)], y_test=test)
    return load(DataSpec(str(folder / "own.npz")))


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([200, 200], (5, 2)),  # 400 images
        ([300, 300], (5, 1)),
        ([1000, 1000], (1, 1)),
        ([200, 4], (4, 2)),  # one image of the rare class in each fold
        ([200, 2], (2, 2)),
    ],
)
def test_default_folds_follow_from_the_number_of_images(tmp_path, counts, expected):
    assert choose_fold_count(data_of(tmp_path, counts)) == expected


def test_built_in_data_keep_their_validation_split():
    assert choose_fold_count(load(DataSpec("digits"))) == (1, 1)


def test_cost_of_the_folds_is_said(tmp_path):
    notes, data = Notes(), data_of(tmp_path, [100, 100])
    settings = with_folds(Settings(), {}, Problem({}), data, notes)
    assert (settings.folds, settings.repeats, settings.race) == (5, 2, True)
    (text,) = notes.texts
    assert text.startswith(
        "Each trial trains 10 networks, on 5 stratified folds, repeated 2 times, because 200 training"
    )
    assert "--folds 1" in text


def test_folds_that_end_early_do_not_race(tmp_path: Path) -> None:
    data, problem = data_of(tmp_path, [100, 100]), Problem({})
    settings = Settings(early_stopping=3, epochs=30)
    assert not with_folds(settings, {}, problem, data, Callback()).race
    assert with_folds(replace(settings, early_stopping=30), {}, problem, data, Callback()).race
    with pytest.raises(UserError, match="early stopping ends each at its own: give --early-stopping 0"):
        with_folds(replace(settings, race=True), {"race": True}, problem, data, Callback())


@pytest.mark.parametrize("given", [{"folds": 1}, {"folds": 3}, {"folds": 3, "race": False}])
def test_folds_that_are_given_stay(tmp_path, given):
    notes = Notes()
    settings = with_folds(Settings(**given), given, Problem({}), data_of(tmp_path, [50, 50]), notes)
    assert (settings.folds, settings.repeats) == (given["folds"], 1)
    assert settings.race == (given["folds"] == 3 and "race" not in given)
    assert not notes.texts


def test_budget_in_seconds_has_no_folds_by_default(tmp_path):
    settings = Settings(scheduler="hyperband", budget_unit="seconds")
    assert with_folds(settings, {}, Problem({}), data_of(tmp_path, [50, 50]), Notes()).folds == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"repeats": 2}, "repeats 2 needs folds"),
        ({"folds": 2, "race": True}, "race needs 3 folds or more, repeats included, but there are 2"),
        ({"folds": 5, "race": True, "further_objectives": ("params",)}, "one objective, but there are several"),
        ({"folds": 5, "race": True, "sampler": "pbt", "scheduler": "pbt"}, "population of pbt"),
        ({"folds": 5, "race": True, "inherit": True}, "no weights for children"),
    ],
)
def test_settings_that_exclude_each_other(settings, message):
    with pytest.raises(UserError, match=message):
        check_folds(Settings(**settings))


def test_class_with_fewer_images_than_folds_is_named(tmp_path):
    with pytest.raises(UserError, match=r"Expected at most 4, because class 1 of own\.npz has only 4"):
        data_of(tmp_path, [50, 4]).folds(5, 2)


def test_repeats_add_folds_and_change_none(tmp_path):
    data = data_of(tmp_path, [30, 20])
    once, twice = data.fold_rows(5), data.fold_rows(5, 2)
    assert len(twice) == 10
    for one, other in zip(once, twice[:5], strict=True):
        assert all((a == b).all() for a, b in zip(one, other, strict=True))
    assert len({len(train) for train, _ in twice}) == 1
    assert {tuple(held) for _, held in twice[:5]}.isdisjoint({tuple(held) for _, held in twice[5:]})
    assert sorted(np.concatenate([held for _, held in twice[5:]])) == list(range(50))
