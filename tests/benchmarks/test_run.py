import json
import os
from pathlib import Path

import pytest

from benchmarks import tabular
from benchmarks.peers.catalogue import open_table
from benchmarks.peers.peer import Peer, list_peers, run_search
from benchmarks.peers.run import main
from metaopt.engine.strategy import STRATEGIES
from metaopt.errors import UserError
from tests.benchmarks.tables_for_tests import load_rows, make_rows


def test_every_strategy_of_metaopt_is_a_peer() -> None:
    assert {f"metaopt {name}" for name in STRATEGIES} <= list_peers().keys()


@pytest.mark.parametrize("name", ["metaopt random", "metaopt asha", "hyperopt TPE"])
def test_same_seed_gives_the_same_search(tmp_path: Path, name: str) -> None:
    table = load_rows(tmp_path, make_rows(), complete=False)
    first, again, other = (run_search(list_peers()[name], table, 4, seed) for seed in (1, 1, 2))
    assert first.steps == again.steps
    assert first.trained == again.trained != other.trained
    assert first.steps[-1].cost <= 4


@pytest.mark.parametrize("name", ["random", "asha"])
def test_strategies_search_as_in_the_benchmark_of_strategies(shared: Path, name: str) -> None:
    if not tabular.TABLE.is_file():
        pytest.skip(f"needs {tabular.TABLE}")
    table = open_table("flowers17", [shared / "benchmarks"])
    course = run_search(list_peers()[f"metaopt {name}"], table, 5, seed=3)
    expected = tabular.run(name, seed=3, budget=5 * table.full_training_s / tabular.FULL_TRAINING_S)
    assert [step.error for step in course.steps] == pytest.approx([error for _, error in expected.steps])
    assert 1 - course.steps[-1].test_error == pytest.approx(expected.test_accuracy)
    assert course.steps[-1].cost == pytest.approx(expected.steps[-1][0], rel=0.001)


def test_search_that_gives_up_early_is_an_error(tmp_path: Path) -> None:
    table = load_rows(tmp_path, make_rows())
    with pytest.raises(RuntimeError, match="full trainings left"):
        run_search(Peer((), lambda simulation, seed: None), table, 4, 0)


@pytest.mark.slow
def test_copy_with_the_best_rates_at_the_edge(shared: Path) -> None:
    folders = [shared / "benchmarks"]
    table, edge = open_table("flowers17", folders), open_table("flowers17-edge", folders)
    assert len(edge.networks) == len(table.networks) * 4 // 6
    assert edge.final_errors.min() == table.final_errors.min()
    assert {network.vals["learning_rate"] for network in edge.networks} == {0, 1, 2, 3}


def test_unknown_table_is_named() -> None:
    with pytest.raises(UserError, match=r"Unknown table: flowers\. Did you mean flowers17"):
        open_table("flowers", [])


def test_unknown_method_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--peers", "metaopt tpee"]) == 2
    assert "Unknown method: metaopt tpee. Did you mean metaopt tpe?" in capsys.readouterr().err


@pytest.mark.slow
def test_searches_are_resumed_reported_and_drawn(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "peers.jsonl"
    common = ["--budget", "3", "--results", str(results), "--folder", str(shared / "benchmarks")]
    common += ["--tables", "flowers17; flowers17-edge", "--peers", "metaopt random; metaopt asha"]
    assert main([*common, "--seeds", "1"]) == 0
    first = results.read_text().splitlines()
    with results.open("a") as file:
        file.write('{"peer": "torn')
    capsys.readouterr()
    assert main([*common, "--seeds", "2", "--plots", str(tmp_path / "figures")]) == 0
    lines = results.read_text().splitlines()
    assert lines[: len(first)] == first
    found = [(row["peer"], row["table"], row["seed"]) for row in map(json.loads, lines)]
    assert len(found) == len(set(found)) == 8
    shown = capsys.readouterr().out
    assert "| metaopt asha | 2 |" in shown
    assert "Mean rank by mean cost to the best 5 % over 2 tables" in shown
    assert (tmp_path / "figures" / "regret_flowers17.png").stat().st_size > 10_000


def test_method_that_is_not_installed_is_said_in_the_table(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = next((name for name, peer in list_peers().items() if peer.why_not()), None)
    if absent is None:
        pytest.skip("every library of requirements-peers.txt is installed")
    common = ["--results", str(tmp_path / "peers.jsonl"), "--folder", str(shared / "benchmarks")]
    assert main([*common, "--tables", "flowers17", "--peers", absent, "--seeds", "1"]) == 0
    assert f"| {absent} | – | skipped: {list_peers()[absent].why_not()}" in (capsys.readouterr().out)
    assert not os.path.exists(tmp_path / "peers.jsonl")
