import json
import shutil
from functools import partial
from pathlib import Path

import pytest

from benchmarks.peers import catalogue
from benchmarks.peers.peer import Peer, list_peers, run_search
from benchmarks.peers.run import main
from metaopt.engine.strategy import STRATEGIES
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


def test_search_that_gives_up_early_is_an_error(tmp_path: Path) -> None:
    table = load_rows(tmp_path, make_rows())
    with pytest.raises(RuntimeError, match="full trainings left"):
        run_search(Peer((), lambda simulation, seed: None), table, 4, 0)
