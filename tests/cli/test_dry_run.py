"""``--dry-run`` of a search: it says what it would do, and begins nothing."""

import re
import shutil
from pathlib import Path

import pytest

from metaopt.cli.dry_run import choose_draws
from metaopt.cli.search import main
from metaopt.engine.settings import Settings
from metaopt.engine.setup import ImageKind, make_guard
from metaopt.guard.acceptance import measure_acceptance
from metaopt.problems import load_problem
from metaopt.spaces import compile_space
from tests.cli.running import run_command
from tests.conftest import ASSETS


def test_a_small_a_medium_and_a_large_network_are_chosen() -> None:
    problem = load_problem("photo_cnn")
    guard = make_guard(problem, Settings(), ImageKind((16, 16, 3), {"label": 3}))
    acceptance = measure_acceptance(compile_space(problem.space), guard, 50)
    small, medium, large = choose_draws(acceptance).values()
    below = [sum(draw.network["macs"] < one.network["macs"] for draw in acceptance.passed) for one in (small, medium)]
    assert small.network["macs"] < medium.network["macs"] < large.network["macs"]
    assert below == [4, 24]


def test_a_search_that_could_not_begin_is_an_error(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ("--dry-run", "--data", "digits", "--strategy", "hyperband", "--epochs", "4", "--min-epochs", "5")
    outcome = run_command(main, capsys, *arguments)
    assert outcome.code == 2
    assert "--min-epochs" in outcome.errors[0]
    assert not (tmp_path / "results").exists()


def test_more_networks_are_chosen_where_only_keras_counts_them() -> None:
    problem = load_problem(str(ASSETS / "tiny_keras_model.py"))
    guard = make_guard(problem, Settings(), ImageKind((8, 8, 1), {"label": 3}))
    acceptance = measure_acceptance(compile_space(problem.space), guard, 50)
    assert [*choose_draws(acceptance)] == [f"draw {number}" for number in range(1, 10)]


@pytest.mark.slow
def test_three_trainings_are_measured_and_nothing_begins(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(ASSETS / "tiny_problem.py", tmp_path)
    arguments = ("--dry-run", "--data", "digits", "--space", "tiny_problem.py", "--epochs", "7", "--executor", "inline")
    outcome = run_command(main, capsys, *arguments)
    assert outcome.code == 0
    costs = re.findall(r"s until the first epoch, (\S+) s per epoch, .* for 7 epochs; .* of main memory", outcome.out)
    assert len(costs) == 3
    assert all(float(cost) > 0 for cost in costs)
    assert "Data: digits, images of 8×8×1; 10 classes; 1,151 for training" in outcome.out
    assert "50 trials trained to the end take about" in outcome.out
    assert "No study was begun in results." in outcome.out
    assert "Training images as networks see them: results/figures/contact_sheet.png." in outcome.out
    figures = tmp_path / "results" / "figures"
    files = {path for path in (tmp_path / "results").rglob("*") if path.is_file()}
    assert files == {figures / "contact_sheet.png", figures / "contact_sheet.svg"}
