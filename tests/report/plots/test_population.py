"""Population figure: means of the survivors of a real search, of the objective and of each measured limit."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from metaopt.report.analysis import StudyData
from metaopt.report.analysis.population import find_population
from metaopt.report.plots.population import draw_population
from metaopt.report.plots.series import Series
from tests.engine.synthetic import search
from tests.report.making import make_record, study_of
from tests.report.plots.conftest import legend, texts

EVOLVED: dict = {"sampler": "evolution", "mu": 4, "lambda_": 3, "trials": 24, "constraints": ("val_loss<=0.3",)}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[StudyData]:
    """Searches of two seeds."""
    folder = tmp_path_factory.mktemp("evolved")
    return [StudyData.of(search(folder / f"seed_{seed}", seed=seed, **EVOLVED)) for seed in range(2)]


def test_no_population_draws_nothing(tmp_path: Path) -> None:
    path = tmp_path / "population.png"
    assert draw_population([Series("", [study_of(make_record(trial, parent=1) for trial in range(40))])], path) == []
    assert not path.exists()


def test_panels_of_objective_and_limit(runs: list[StudyData], figures: list[Figure], tmp_path: Path) -> None:
    paths = draw_population([Series("", runs[:1])], tmp_path / "population.png")
    (figure,) = figures
    assert [path.name for path in paths] == ["population.png", "population.csv"]
    assert [axes.get_ylabel() for axes in figure.axes] == ["validation accuracy", "validation loss"]
    assert [axes.get_yscale() for axes in figure.axes] == ["linear", "log"]
    assert legend(figure) == ["fully trained trial", "best survivor", "mean of the survivors"]
    assert "study seed_0 · function cnn · strategy evolution" in texts(figure)
    assert "μ = 4" in texts(figure)
    found = find_population(runs[0])
    assert found is not None
    mean = figure.axes[0].lines[1]
    assert np.asarray(mean.get_ydata()) == pytest.approx(found.mean["val_accuracy"])
    assert "val_loss ≤ 0.3" in [text.get_text() for text in figure.axes[1].texts]
    assert (
        (tmp_path / "population.csv").read_text().startswith("study,seconds,trials,survivors,best_trial,best_val_acc")
    )


def test_seeds_have_a_mean_and_a_band(runs: list[StudyData], figures: list[Figure], tmp_path: Path) -> None:
    other = study_of(make_record(trial) for trial in range(9))
    paths = draw_population([Series("evolution", runs), Series("tpe", [other])], tmp_path / "population.png")
    (figure,) = figures
    assert legend(figure) == ["evolution"]
    assert [len(axes.lines) for axes in figure.axes] == [1, 2]  # with the limit
    assert "band: from the lowest to the highest seed" in texts(figure).replace("\n", " ")
    names = {line.split(",")[0] for line in paths[1].read_text().splitlines()[1:]}
    assert names == {"seed_0", "seed_1"}
