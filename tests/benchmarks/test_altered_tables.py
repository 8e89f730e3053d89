from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers.altered_tables import redraw_winners, restrict_range
from benchmarks.peers.catalogue import open_table
from benchmarks.peers.run import FOLDERS
from benchmarks.peers.tables import Table
from tests.benchmarks.tables_for_tests import load_rows, make_rows, make_space


@pytest.fixture
def noisy(tmp_path: Path) -> Table:
    """A table with luck of up to 0.02."""
    rng = np.random.default_rng(0)
    rows = make_rows()
    for row in rows:
        luck = rng.uniform(-0.02, 0.02)
        row["val_acc"] = [value + luck for value in row["val_acc"]]
    return load_rows(tmp_path, rows)


@pytest.mark.slow
def test_redrawn_winners_change_the_order_not_the_effects(shared: Path) -> None:
    folders = [shared / "benchmarks"]
    table, redrawn = open_table("flowers17", folders), open_table("flowers17-redrawn-1", folders)
    best, best_redrawn = (set(np.argsort(one.final_errors)[:11].tolist()) for one in (table, redrawn))
    assert len(best & best_redrawn) < 6
    for rate in range(6):
        rows = [number for number, network in enumerate(table.networks) if network.vals["learning_rate"] == rate]
        assert redrawn.final_errors[rows].mean() == pytest.approx(table.final_errors[rows].mean(), abs=0.02)


def test_table_of_stacks_is_balanced_and_has_copies() -> None:
    table = open_table("digits400", FOLDERS)
    depths = np.bincount([network.vals["n_blocks"] for network in table.networks])
    assert len(depths) == 6
    assert depths.max() - depths.min() <= 1
    assert table.epochs == 27
    assert table.luck is not None
    assert all(network.params and network.macs for network in table.networks)
    edge = open_table("digits400-edge", FOLDERS)
    assert 6 < len(edge.networks) < len(table.networks)
    assert table.default is not None
    assert edge.default == table.default


def test_redrawn_winners_keep_held_out_errors_and_costs(noisy: Table) -> None:
    redrawn = redraw_winners(noisy, 1)
    for one, other in zip(noisy.networks, redrawn.networks, strict=True):
        assert np.array_equal(one.curves.test_accuracy, other.curves.test_accuracy)
        assert np.array_equal(one.curves.seconds, other.curves.seconds)


def test_redrawn_winners_depend_on_the_seed_alone(noisy: Table) -> None:
    assert redraw_winners(noisy, 1).digest == redraw_winners(noisy, 1).digest
    assert len({noisy.digest, redraw_winners(noisy, 1).digest, redraw_winners(noisy, 2).digest}) == 3


def test_restricted_table_has_only_networks_of_the_range(noisy: Table) -> None:
    small = restrict_range(noisy, "one layer", make_space(), lambda vals: vals if vals["layers"] == 0 else None)
    assert {network.id for network in small.networks} == {0, 3, 6, 9, 12, 15}
