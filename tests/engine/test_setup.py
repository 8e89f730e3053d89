"""Set-up of a search: fingerprint, strategy and refusals."""

import pytest

from metaopt.engine.settings import Settings
from metaopt.engine.setup import make_phases, make_strategy
from metaopt.errors import UserError
from metaopt.samplers import GP, TPE, Evolution, JointTPE
from tests.engine.synthetic import search


def test_tpe_over_rungs_is_the_joint_model():
    assert make_strategy(Settings(sampler="tpe")).sampler == TPE(Settings().startup)
    assert isinstance(make_strategy(Settings(sampler="tpe", scheduler="hyperband", epochs=9)).sampler, JointTPE)


def test_samplers_get_their_settings():
    assert make_strategy(Settings(sampler="evolution", mu=7, lambda_=3)).sampler == Evolution(mu=7, lambda_=3)
    assert make_strategy(Settings(sampler="gp", startup=4)).sampler == GP(startup=4)


def test_phases_start_from_as_many_trials_as_the_sampler():
    assert make_phases(Settings()) is None
    assert make_phases(Settings(grow="macs=1,2", phases=(0, 1), sampler="evolution", mu=6)).n_parents == 6
    assert make_phases(Settings(grow="macs=1,2", phases=(0, 1), startup=8)).n_parents == 8


def test_fingerprint_has_the_budget_only_with_rungs(tmp_path):
    full = search(tmp_path / "full", trials=1)
    assert "budget" not in full.header["fingerprint"]
    rungs = search(tmp_path / "rungs", trials=3, scheduler="asha", eta=2)
    assert rungs.header["fingerprint"]["budget"] == "3 1 2 ceil epochs"


def test_convergence_needs_trainings_of_equal_length():
    with pytest.raises(UserError, match="convergence needs trainings of equal length") as raised:
        make_strategy(Settings(objective="convergence", scheduler="asha", epochs=9))
    assert raised.value.parameters == ("objective", "strategy")


def test_refused_study_is_not_created(tmp_path):
    with pytest.raises(UserError, match=r"fill 0\.9 needs a problem with network"):
        search(tmp_path / "results", fill=0.9, constraints=("params<=5",))
    assert not (tmp_path / "results").exists()
