"""Trials of an earlier study that are imported, since only the space differs."""

from dataclasses import replace

import pytest
from hyperopt import hp

import metaopt
from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input
from metaopt.engine.callbacks import Callback
from metaopt.engine.carrying_over import carried_events
from metaopt.engine.outside_knowledge import find_knowledge, take_in
from metaopt.engine.settings import Settings
from metaopt.engine.setup import ImageKind, describe_new_study, open_study
from metaopt.problems.problem import Problem
from metaopt.problems.training_config import Training
from metaopt.spaces import compile_space
from metaopt.storage.event_fields import check_fields
from metaopt.storage.study import Study
from tests.engine.synthetic import EPOCHS, InOneGo, search

WIDE = {"filters": hp.uniformint("filters", 1, 20), "rate": hp.uniform("rate", 0, 1), "kind": hp.choice("k", [1, 2, 3])}
NARROW = {"filters": hp.uniformint("filters", 5, 9), "rate": hp.uniform("rate", 0, 1), "kind": hp.choice("k", [3, 2])}
IMAGES = ImageKind((8, 8, 1), {"label": 3})


def network(point, input_shape, classes):
    inputs = Input(input_shape)
    return Blueprint(inputs, Dense(classes["label"])(Flatten()(Conv2D(point["filters"], point["kind"])(inputs))))


def training(point):
    return Training("Adam", learning_rate=point["rate"])


class Sizes(InOneGo):
    def metrics(self, job, epoch):
        accuracy = 1 - abs(job.point["filters"] - 7) / 20
        return {"val_accuracy": accuracy, "val_loss": 1 - accuracy}


PROBLEM = Problem(WIDE, network, training)
SETTINGS = Settings(epochs=EPOCHS)


@pytest.fixture(scope="module")
def earlier(tmp_path_factory) -> Study:
    folder = tmp_path_factory.mktemp("carried") / "wide"
    return search(folder, problem=PROBLEM, images=IMAGES, trials=40, executor=Sizes())


NARROWED = replace(PROBLEM, space=NARROW)


def carry(earlier, problem=NARROWED, settings=SETTINGS, data="", note=lambda text: None):
    return carried_events(earlier, describe_new_study(problem, settings, IMAGES, data), note)


def test_trials_inside_are_imported_with_their_histories(earlier) -> None:
    notes: list[str] = []
    events = carry(earlier, note=notes.append)
    inside = [t for t in earlier.state.trials if 5 <= t.point["filters"] <= 9 and t.point["kind"] > 1]
    assert 0 < len(events) == len(inside) < 40
    assert f"{40 - len(inside)} trials of" in notes[0]
    space = compile_space(NARROW)
    for event, trial in zip(events, inside, strict=True):
        check_fields({**event, "clock": 0.0}, has_header=True)
        assert space.point(event["vals"]) == trial.point
        assert event["metrics"] == trial.metrics
        assert event["source"] == f"wide, trial {trial.number}"


@pytest.mark.parametrize(
    "changes",
    [
        {"data": "other images"},
        {"settings": Settings(epochs=9)},
        {"settings": replace(SETTINGS, objective="val_loss")},
        {"settings": replace(SETTINGS, folds=3)},
        {"settings": replace(SETTINGS, augment="strong")},
        {"settings": replace(SETTINGS, scheduler="hyperband")},
        {"problem": PROBLEM},  # the same space: it is resumed, or its ranks count
        {"problem": replace(PROBLEM, space=NARROW, training=lambda point: Training("SGD", point["rate"]))},
        {"problem": replace(PROBLEM, space=NARROW, network=lambda point, *rest: network({**point, "kind": 1}, *rest))},
    ],
)
def test_trials_of_other_measurements_are_not(earlier, changes) -> None:
    assert carry(earlier, **changes) == []


def test_the_difference_is_told(earlier) -> None:
    notes: list[str] = []
    carry(earlier, settings=replace(SETTINGS, scheduler="hyperband", folds=2), note=notes.append)
    assert notes[0].endswith("no trial is imported: its folds and rungs are not that of this search.")


def test_trials_beyond_a_new_limit_are_not(earlier) -> None:
    assert carry(earlier, settings=replace(SETTINGS, constraints=("params<=10",))) == []


def test_a_search_begins_with_the_imported_trials(tmp_path) -> None:
    """They count neither as trials of the study nor as its best, and its model knows them."""

    def train(point):
        return (point["x"] - 1) ** 2

    wide, narrow = {"x": hp.uniform("x", -3, 3)}, {"x": hp.uniform("x", 0, 2)}
    first = metaopt.search(train, wide, trials=30, results=tmp_path / "first", progress=False, strategy="random")
    options = {"start_from": first.folder, "results": tmp_path / "second", "progress": False, "strategy": "tpe"}
    for trials in (3, 5):  # a resumed search imports nothing again
        second = metaopt.search(train, narrow, trials=trials, **options)
    imported = [trial for trial in second.state.trials if trial.imported]
    assert [t.point for t in imported] == [t.point for t in first.state.trials if 0 <= t.point["x"] <= 2]
    own = [record for record in second.records if not record.imported]
    assert len(own) == 5
    assert second.best in own
    assert all(record.model_based for record in own)


def test_another_function_gives_ranks_only(tmp_path) -> None:
    wide, narrow = {"x": hp.uniform("x", -3, 3)}, {"x": hp.uniform("x", 0, 2)}
    options = {"trials": 9, "progress": False, "strategy": "random"}
    first = metaopt.search(lambda point: point["x"] ** 2, wide, results=tmp_path / "first", **options)
    second = metaopt.search(
        lambda point: point["x"] ** 4, narrow, results=tmp_path / "second", start_from=first.folder, **options
    )
    assert not any(trial.imported for trial in second.state.trials)
    assert [each.source for each in second.state.knowledge] == ["first"]


def test_the_number_of_imported_trials_is_told(tmp_path, earlier) -> None:
    class Notes(Callback):
        def note(self, text):
            told.append(text)

    told: list[str] = []
    problem = NARROWED
    new = describe_new_study(problem, SETTINGS, IMAGES)
    with open_study(tmp_path / "narrow", problem, SETTINGS, Notes(), images=IMAGES) as study:
        known = find_knowledge(problem, [earlier.folder], study.state, Notes(), new=new)
        for _ in range(2):
            take_in(study, known, Notes())
    assert len(study.state.trials) == len(known)
    assert told[1:] == [f"{len(known)} trials of the earlier study taken over as imported."]
