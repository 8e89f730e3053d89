"""Contract of all methods; those of libraries that are not installed are skipped."""

import sys
from pathlib import Path

import pytest

from benchmarks.peers.parameters import describe_parameters
from benchmarks.peers.peer import list_peers, run_search
from benchmarks.peers.tables import Table
from metaopt.errors import UserError
from metaopt.spaces import compile_space
from tests.benchmarks.tables_for_tests import load_rows, make_rows
from tests.marks import with_slow

BUDGET = 6.0
# Packages that the listing of methods must not import; Keras and its backends alone take seconds.
HEAVY = {"optuna", "keras_tuner", "smac", "dehb", "syne_tune", "neps", "hebo", "torch", "tensorflow", "keras"}


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """A sample of a space with a condition: a method may propose points that were not trained."""
    return load_rows(tmp_path, make_rows()[1:], complete=False)


@pytest.mark.parametrize("name", with_slow(list_peers(), ["metaopt auto", "metaopt gp-asha", "metaopt pb2"]))
def test_method_spends_the_budget_and_repeats_itself(name: str, table: Table) -> None:
    peer = list_peers()[name]
    reason = peer.why_not()
    if reason is not None:
        pytest.skip(reason)
    first, again = (run_search(peer, table, BUDGET, seed=1) for _ in range(2))
    assert first.steps == again.steps
    assert first.trained == again.trained
    assert first.steps[-1].cost <= BUDGET
    assert first.steps[-1].error < 0.5


def test_listing_imports_no_library() -> None:
    before = HEAVY & sys.modules.keys()
    list_peers()
    assert HEAVY & sys.modules.keys() == before


def test_every_method_has_packages_and_a_note() -> None:
    for name, peer in list_peers().items():
        assert peer.packages, name
        assert peer.note.endswith("."), name


def test_unbounded_parameter_is_named() -> None:
    from hyperopt import hp

    with pytest.raises(UserError, match="x is normal and has no bounds"):
        describe_parameters(compile_space({"x": hp.normal("x", 0, 1)}))
