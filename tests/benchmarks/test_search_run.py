"""Command of the benchmark of real searches, and its processes."""

import json
import sys
from pathlib import Path

import psutil
import pytest

from benchmarks.searches.method import list_methods, list_trainers
from benchmarks.searches.process import Order, SearchFailed, carry_out
from benchmarks.searches.run import main
from benchmarks.searches.tasks import TASKS, LoadedTask

HEAVY = {"optuna", "keras_tuner", "ray", "torch", "tensorflow", "keras"}


def test_listing_methods_imports_no_library() -> None:
    before = HEAVY & sys.modules.keys()
    found = {**list_methods(), **list_trainers()}
    assert HEAVY & sys.modules.keys() == before
    for name, each in found.items():
        assert each.packages, name
        assert each.note.endswith("."), name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--methods", "metaopt auot"], "Unknown method: metaopt auot. Did you mean metaopt auto?"),
        (["--methods", "Optuna", "--tasks", "digits"], "Unknown method: Optuna."),
        (["--tasks", "digit"], "Unknown task: digit. Did you mean digits?"),
        (["--cpus", "4096"], "Invalid value for --cpus: 4096. Expected 0 to "),
        (["--tasks", "flowers17", "--data", "/nowhere"], "No folder flowers17 in /nowhere."),
    ],
)
def test_wrong_usage_is_explained(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "--report-only"]) == 2
    assert message in capsys.readouterr().err


def test_networks_of_a_list_are_valid_and_repeatable() -> None:
    task = LoadedTask(TASKS["digits"], Path())
    networks = task.draw_valid(20, seed=3)
    assert networks[:5] == task.draw_valid(5, seed=3) != task.draw_valid(5, seed=4)
    for vals in networks:
        task.problem.blueprint(task.space.point(vals), task.data.input_shape, task.data.classes)


@pytest.mark.slow
def test_search_is_killed_at_its_limit_with_its_processes() -> None:
    before = {process.pid for process in psutil.process_iter()}
    order = Order("search", "metaopt auto", "digits", Path(), 0, 2, ())
    outcome = carry_out(order, 0.5, judge=False)
    assert outcome.events == []
    assert 0.5 <= outcome.wall_s < 10
    assert outcome.cpu_s > 0
    left = [process for process in psutil.process_iter(["cmdline"]) if process.pid not in before]
    assert not [each for each in left if "benchmarks.searches.child" in (each.info["cmdline"] or ())]


@pytest.mark.slow
def test_failing_search_shows_the_end_of_its_log() -> None:
    with pytest.raises(SearchFailed, match="KeyError: 'no such method'"):
        carry_out(Order("search", "no such method", "digits", Path(), 0, 2, ()), 60, judge=False)


@pytest.mark.slow
def test_same_networks_are_trained_reported_and_not_repeated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "searches.jsonl"
    command = ["--same-configurations", "2", "--epochs", "1", "--tasks", "digits", "--methods", "metaopt"]
    command += ["--seeds", "1", "--cpus", "0", "--results", str(results)]
    assert main(command) == 0
    (row,) = map(json.loads, results.read_text().splitlines())
    assert [(configuration, epoch) for configuration, epoch, _, _ in row["epochs"]] == [(0, 1), (1, 1)]
    seconds = [at for _, _, at, _ in row["epochs"]]
    assert 0 < seconds[0] < seconds[1] <= row["wall_s"]
    assert row["cpu_s"] > 0.5  # the imports of the processes alone
    assert main(command) == 0
    assert len(results.read_text().splitlines()) == 1
    assert "| metaopt | 1 |" in capsys.readouterr().out
