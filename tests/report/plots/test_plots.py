"""All figures at once: their files, from every kind of study, without a warning."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hyperopt import hp
from matplotlib.figure import Figure

from metaopt.report.analysis import StudyData
from metaopt.report.analysis.comparison import compare, group_studies, load_studies
from metaopt.report.plots import draw_all, draw_comparison
from metaopt.trials.record import Record
from tests.engine.synthetic import SyntheticExecutor, search
from tests.report.making import draw, make_failure, make_record, study_of
from tests.report.plots.conftest import count_colours, texts
from tests.report.searched import log_test, search_study

LIMITS = ("params<=1e6",)
ALWAYS = ["progress", "anytime", "scatter_matrix", "pairs", "learning_curves"]


def made(n: int, **changes) -> list[Record]:
    return [make_record(trial, **changes) for trial in range(n)]


def made_of_two(n: int, **changes) -> list[Record]:
    """Trials with two hyperparameters: a panel for each pair takes most of the time."""
    return [
        make_record(trial, **{"point": {name: draw(trial)[0][name] for name in ("rate", "pool")}, **changes})
        for trial in range(n)
    ]


def without_losses(record: Record) -> Record:
    """The record with a metric that no epoch has."""
    return replace(record, history={**record.history, "val_loss": [None] * record.epochs})


STUDIES: dict[str, Callable[[], StudyData]] = {
    "one trial": lambda: study_of(made(1)),
    "two trials": lambda: study_of(made(2)),
    "failed": lambda: study_of([make_failure(0), make_failure(1)]),
    "empty": lambda: study_of([]),
    "imported": lambda: study_of(made_of_two(20, imported=True)),
    "some imported": lambda: study_of([*made_of_two(20, imported=True), *made_of_two(40)[20:]]),
    "infeasible": lambda: study_of(made_of_two(20, constraints=["params<=5"]), constraints=["params<=5"]),
    "equal scores": lambda: study_of(made_of_two(20, score=0.5)),
    "loss": lambda: study_of(made_of_two(8, objective="val_loss"), objective="val_loss"),
    "function": lambda: study_of(
        made_of_two(8, history={}, objective="loss", counts={}, returned={"loss": 0.5}), objective="loss"
    ),
    "constant": lambda: study_of(made(8, point={"x": 1})),
    "scalar space": lambda: study_of(make_record(trial, point=0.1 * trial) for trial in range(8)),
    "missing metric": lambda: study_of(map(without_losses, made_of_two(4))),
    "large losses": lambda: study_of(made_of_two(2, history={"val_accuracy": [0.1, 0.5], "loss": [1e9, 1.0]})),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIES)
def test_any_study_is_drawn(name: str, tmp_path: Path, only_png: None) -> None:
    paths = draw_all(STUDIES[name](), tmp_path)
    assert [path.stem for path in paths[:5]] == ALWAYS
    assert all(count_colours(path) > 10 for path in paths)


@pytest.mark.slow
def test_figures_are_written(tmp_path: Path, study: StudyData) -> None:
    paths = draw_all(study.of_records(study.records[:12]), tmp_path / "figures")
    assert [path.stem for path in paths] == [*ALWAYS, "trade_off"]
    assert all(count_colours(path) > 100 for path in paths)


@pytest.mark.slow
def test_hundreds_of_trials_with_the_space(tmp_path: Path) -> None:
    space = {"rate": hp.loguniform("learning_rate", -9, -2), "pool": hp.choice("pool", ["max", "avg", "conv"])}
    paths = draw_all(study_of(made_of_two(300), n_validation=359), tmp_path, space)
    assert all(count_colours(path) > 100 for path in paths)
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


RUNGS: dict[str, dict] = {
    "hyperband": {"scheduler": "hyperband", "epochs": 9, "trials": 26},
    "asha": {"scheduler": "asha", "epochs": 27, "trials": 30},
    "seconds": {"scheduler": "hyperband", "epochs": 9, "trials": 26, "budget_unit": "seconds"},
    "loss": {"scheduler": "hyperband", "epochs": 9, "trials": 26, "objective": "val_loss"},
    "constraint": {"scheduler": "hyperband", "epochs": 9, "trials": 26, "constraints": ("val_loss<=0.4",)},
    "failures": {"scheduler": "halving", "epochs": 9, "trials": 18},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNGS)
def test_search_over_rungs_has_two_more_figures(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if name != "hyperband":
        request.getfixturevalue("unrendered")
    executor = SyntheticExecutor(fails=lambda job: name == "failures" and job.trial % 5 == 0)
    data = StudyData.of(search(tmp_path / "results", executor=executor, **RUNGS[name]))
    paths = draw_all(data, tmp_path)
    assert [path.stem for path in paths][:7] == [*ALWAYS, "rungs", "rank_correlation"]
    if name == "hyperband":
        assert all(count_colours(path) > 50 for path in paths)


@pytest.mark.slow
@pytest.mark.parametrize("scheduler", ["full", "hyperband"])
def test_every_figure_names_study_data_and_strategy(scheduler: str, tmp_path: Path, figures: list[Figure]) -> None:
    given = {"sampler": "evolution", "mu": 3, "scheduler": scheduler, "constraints": LIMITS, "trials": 26, "epochs": 9}
    study = search_study(tmp_path / "flowers", **given)
    strategy = {"full": "evolution", "hyperband": "ea-hyperband"}[scheduler]
    draw_all(StudyData.of(study), tmp_path)
    draw_all(StudyData.of(study).of_records([]), tmp_path)
    assert len(figures) == {"full": 7, "hyperband": 9}[scheduler] + 5
    for figure in figures:
        assert f"study flowers · data digits · strategy {strategy}" in texts(figure)


@pytest.mark.slow
def test_reference_trials_are_drawn(reference_study: StudyData, tmp_path: Path) -> None:
    paths = draw_all(reference_study, tmp_path)
    # Imported trials have no place in an anytime trajectory: that figure is a message.
    assert all(count_colours(path) > (10 if path.stem == "anytime" else 100) for path in paths)


@pytest.mark.slow
def test_figures_of_a_comparison(tmp_path: Path) -> None:
    made = [
        search_study(tmp_path / "a", trials=8, constraints=LIMITS),
        search_study(tmp_path / "b", trials=8, sampler="evolution", mu=3, lambda_=2, constraints=LIMITS),
        search_study(tmp_path / "c", trials=4, objective="val_loss"),
    ]
    log_test(made[0], 20)
    studies = load_studies([study.folder for study in made])
    groups = group_studies(studies)
    paths = draw_comparison(compare(studies, groups)["studies"], groups, tmp_path / "figures")
    names = ["best_so_far_1", "trade_off_1", "population_1", "best_so_far_2", "trade_off_2", "test_scores"]
    pictures = [path for path in paths if path.suffix == ".png"]
    assert [path.stem for path in pictures] == names
    assert [path.name for path in paths if path not in pictures] == ["population_1.csv"]
    assert all(count_colours(path) > 50 for path in pictures)
