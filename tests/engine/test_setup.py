"""Set-up of a search: the study's header, the strategy of the settings, and settings that do not fit together."""

from dataclasses import replace

import pytest
from hyperopt import hp

from metaopt.engine.callbacks import Callback
from metaopt.engine.settings import Settings
from metaopt.engine.setup import ImageKind, make_phases, make_strategy, open_study
from metaopt.errors import StudyMismatch, UserError
from metaopt.problems.problem import Problem
from metaopt.samplers import GP, TPE, Evolution
from metaopt.schedulers import ASHA, Full, Hyperband
from metaopt.storage.study import JOURNAL
from metaopt.zoo import conv_stack
from tests.storage.events import proposed

SPACE = {"x": hp.uniform("x", 0, 1), "y": hp.uniform("y", 0, 1)}
STACK = Problem(conv_stack.make_space(1, 4), conv_stack.network, conv_stack.training)
IMAGES = ImageKind((16, 16, 3), {"label": 10})


def header_of(folder, settings=Settings(), problem=Problem(SPACE), data=None):  # noqa: B008 - immutable
    with open_study(folder, problem, settings, Callback(), data=data) as study:
        return study.header


def test_header_says_what_a_study_is(tmp_path):
    problem = Problem(SPACE, path=str(tmp_path / "mine.py"), source="x = 3  # three", code="x = 3", name="mine")
    data = {"fingerprint": "abc", "description": {"images": {"train": 9}}}
    header = header_of(tmp_path / "results", Settings(seed=4, folds=3, objective="val_loss"), problem, data)
    assert (header["seed"], header["labels"], header["objective"]) == (4, ["x", "y"], "val_loss")
    kept = {"name": "mine", "path": "../mine.py", "source": "x = 3  # three", "has_blueprint": False}
    assert header["problem"] == kept
    assert header["data"] == {"images": {"train": 9}}
    fingerprint = header["fingerprint"]
    assert (fingerprint["data"], fingerprint["objective"], fingerprint["folds"]) == ("abc", "val_loss", "3")
    assert fingerprint.keys() == {"space", "network", "data", "objective", "folds"}


def test_fingerprint_has_the_budget_where_there_are_rungs(tmp_path):
    settings = Settings(scheduler="asha", epochs=27, eta=2, min_epochs=3, rule="floor", budget_unit="seconds")
    assert header_of(tmp_path / "results", settings)["fingerprint"]["budget"] == "27 3 2 floor seconds"


@pytest.mark.parametrize("name", ["data", "folds"])
def test_other_data_or_folds_are_another_study(tmp_path, name):
    with open_study(tmp_path / "results", Problem(SPACE), Settings(), Callback()) as study:
        study.append(proposed(0, 1, {"x": 0.1, "y": 0.2}))
    other = {"data": {"fingerprint": "abc"}} if name == "data" else {"settings": Settings(folds=3)}
    with pytest.raises(StudyMismatch, match={"data": "another data set", "folds": "another number of folds"}[name]):
        header_of(tmp_path / "results", **other)


@pytest.mark.parametrize(
    ("settings", "sampler", "scheduler"),
    [
        (Settings(startup=7, epochs=9), TPE(7), Full(9)),
        (Settings(scheduler="hyperband", epochs=9, eta=2), TPE(), Hyperband(9, eta=2)),
        (Settings(sampler="gp", startup=3), GP(startup=3), Full(1)),
        (Settings(sampler="gp", startup=20), GP(), Full(1)),
        (Settings(sampler="evolution", mu=7, lambda_=2), Evolution(mu=7, lambda_=2), Full(1)),
        (
            Settings(sampler="evolution", mu=7, lambda_=1, further_objectives=("params",)),
            Evolution(mu=7, lambda_=1, recombination=0.9, width=0.5),
            Full(1),
        ),
        (Settings(sampler="tpe", scheduler="asha-stop", epochs=9, min_epochs=2), TPE(), ASHA(9, 3, 2, True)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_strategy_of_the_settings(settings, sampler, scheduler):
    strategy = make_strategy(settings)
    assert (strategy.sampler, strategy.scheduler, strategy.phases) == (sampler, scheduler, None)


def test_phases_start_from_the_population_or_the_random_start():
    settings = Settings(grow="blocks=1,2", phases=(0, 4), startup=5, mu=3)
    assert make_phases(settings).n_parents == 5
    assert make_phases(replace(settings, sampler="evolution")).n_parents == 3
    assert make_phases(replace(settings, grow=None)) is None
    assert make_strategy(settings).phases.starts == (0, 4)


@pytest.mark.parametrize(
    ("problem", "settings", "message"),
    [
        (Problem(SPACE), Settings(objective="val_acuracy"), "Unknown objective: val_acuracy"),
        (Problem(SPACE), Settings(scheduler="asha", epochs=2, min_epochs=3), "above the full resource"),
        (Problem(SPACE), Settings(grow="blocks=1,2", phases=(0, 3)), "the space has no stack"),
        (Problem(SPACE), Settings(fill=0.9, constraints=("macs<=5",)), r"fill 0.9 needs a problem with network\(\)"),
        (STACK, Settings(grow="blocks=4,9", phases=(0, 3)), "no stack of the space has 5 to 9 blocks, but 1 to 4"),
    ],
)
def test_settings_that_do_not_fit_are_refused_unwritten(tmp_path, problem, settings, message):
    with pytest.raises(UserError, match=message):
        open_study(tmp_path / "results", problem, settings, Callback(), images=IMAGES)
    assert list(tmp_path.iterdir()) == []


def test_a_study_is_opened_again_with_its_journal(tmp_path):
    header = header_of(tmp_path / "results")
    assert (tmp_path / "results" / JOURNAL).exists()
    assert header_of(tmp_path / "results") == header
