"""One search of the benchmark, in a process of its own."""

from pathlib import Path

from benchmarks.peers.catalogue import open_table
from benchmarks.peers.peer import list_peers, run_search
from benchmarks.peers.simulation import Course

Cell = tuple[str, str, int]
"""Names of the method and of the table, and the seed."""


def run_cell(cell: Cell, folders: list[Path], budget: float) -> Course:
    """Run a search and return its course.

    Args:
        cell: the search.
        folders: folders with files of tables.
        budget: full trainings.
    """
    peer, table, seed = cell
    return run_search(list_peers()[peer], open_table(table, folders), budget, seed)
