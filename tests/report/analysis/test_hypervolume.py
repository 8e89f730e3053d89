"""Hypervolume over a search with several objectives."""

import numpy as np
import pytest

from metaopt.report.analysis import StudyData
from metaopt.report.analysis.hypervolume import hypervolume_trajectory
from metaopt.report.console.front import describe_front, summarise_front
from metaopt.report.plots import draw_all
from metaopt.storage.record_files import record_files
from metaopt.trials.objective import find_objectives, scale_losses
from tests.engine.synthetic import SyntheticExecutor, search

TWO = ("val_accuracy", "size:min")


@pytest.fixture
def study(tmp_path):
    executor = SyntheticExecutor(further=lambda job: {"size": 10 ** (3 * job.point["x"])})
    return search(tmp_path / "s", objective=TWO, executor=executor, trials=12, constraints=["size<=300"])


def test_hypervolume_grows_to_that_of_the_front(study):
    data = StudyData.of(study)
    shares = [point.share for point in hypervolume_trajectory(data)]
    assert shares == sorted(shares)
    feasible = np.array([record.result.values for record in study.records if record.is_feasible])
    scaled = scale_losses(feasible, data.objectives)
    front = np.array(
        sorted(
            row
            for row in scaled.tolist()
            if not any(other != row and other[0] <= row[0] and other[1] <= row[1] for other in scaled.tolist())
        )
    )
    expected = (
        sum((right - left) * (1.1 - y) for (left, y), right in zip(front, [*front[1:, 0], 1.1], strict=True)) / 1.1**2
    )
    assert shares[-1] == pytest.approx(expected)


def test_counts_are_scaled_by_their_logarithm():
    scaled = scale_losses(np.array([[0.0, 1e3], [1.0, 1e4], [4.0, 1e5]]), find_objectives(["val_loss", "params"]))
    assert scaled.tolist() == [[0, 0], [0.25, pytest.approx(0.5)], [1, 1]]


def test_the_front_is_described_in_the_users_sense(study):
    description = describe_front(StudyData.of(study))
    assert [each["trial"] for each in description["front"]] == [record.trial for record in study.front]
    first = description["front"][0]
    assert first["objectives"]["val_accuracy"] == -study.best.loss
    assert first["record"] in {path.name for _, path in record_files(study.folder)}
    text = summarise_front(description)
    assert f"Pareto front: {len(study.front)} trials" in text
    (knee,) = [line for line in text.splitlines() if line.endswith("knee")]
    assert knee.split()[0] == str(study.knee.trial)


def test_a_long_front_is_shown_in_part_with_its_ends_and_its_knee():
    rows = [{"trial": trial, "objectives": {"val_loss": trial / 1e3, "params": 1e6 - trial}} for trial in range(500)]
    text = summarise_front({"front": rows, "knee": 7})
    shown = [line.split()[0] for line in text.splitlines()[3:-1]]
    assert (shown[0], shown[-1]) == ("0", "499")
    assert "7" in shown
    assert len(shown) <= 31
    assert f"… and {500 - len(shown)} more trials" in text


@pytest.mark.slow
def test_the_report_draws_the_front_of_several_objectives_only(study, tmp_path, unrendered):
    assert "front.png" in {path.name for path in draw_all(StudyData.of(study), tmp_path / "figures")}
    one = search(tmp_path / "one", trials=3)
    assert "front.png" not in {path.name for path in draw_all(StudyData.of(one), tmp_path / "others")}
