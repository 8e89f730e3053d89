"""Summary of a study: the best with its uncertainty, what was spent, what rungs and guard saved."""

from pathlib import Path

import pytest

from metaopt.report.analysis import StudyData
from metaopt.report.page.summary import summarise
from metaopt.storage.study import Study
from tests.engine.synthetic import SyntheticExecutor, search

ASSETS = Path(__file__).parents[2] / "assets" / "studies"


def tiles_of(study: Study) -> dict[str, tuple[str, str]]:
    tiles, _ = summarise(study, StudyData.of(study))
    return {tile.label: (tile.value, tile.detail) for tile in tiles}


def test_the_best_has_its_uncertainty() -> None:
    tiles = tiles_of(Study.load(ASSETS / "tpe"))
    score, detail = tiles["Best validation accuracy"]
    assert score == "0.9686 ± 0.01"
    assert detail == "trial 6, epoch 4 of 4; 95 % interval 0.9415 to 0.9834"
    assert tiles["Parameters of the best"] == ("610", "2.48 k MACs of one input")
    assert tiles["Trials"] == ("8", "8 completed")
    assert "Saved by rungs" not in tiles


def test_rungs_save_what_full_trainings_would_have_cost() -> None:
    study = Study.load(ASSETS / "asha_paused")
    value, detail = tiles_of(study)["Saved by rungs"]
    assert (value, detail) == ("75%", "trained 16 of the 63 epochs of 7 full trainings")


def test_rejections_are_counted_with_the_time_that_they_saved() -> None:
    value, detail = tiles_of(Study.load(ASSETS / "build_model"))["Rejected by the guard"]
    assert value == "15"
    counts, saved = detail.split(". ")
    assert counts == "7 duplicate, 4 params, 4 invalid architecture"
    assert saved == (
        "At the mean of the trials, the training of 11 oversized networks and duplicates would have taken 20 s"
    )


def test_a_study_that_waits_for_its_goal_says_so(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "results", trials=5, executor=SyntheticExecutor(interrupted_after=4))
    value, detail = tiles_of(Study.load(tmp_path / "results"))["Trials"]
    assert value == "2 of 5"
    assert detail == "1 completed, 1 running or interrupted"


def test_without_a_best_trial_there_is_none(tmp_path: Path) -> None:
    study = search(tmp_path / "results", trials=2, executor=SyntheticExecutor(fails=lambda job: True))
    assert tiles_of(study)["Best validation accuracy"] == ("none yet", "")
