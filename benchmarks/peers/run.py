#!/usr/bin/env python3
"""Compare search strategies of metaopt and of other libraries on tables of real trainings, on a simulated clock.

    python3 -m benchmarks.peers.run [--seeds 30] [--budget 40] [--peers "metaopt tpe; Optuna TPE"] [--tables flowers17]

Searches that are missing in the file of results are run; then figures of all results are printed and drawn. The command
can be stopped and given again at any time. A method whose package is not installed is skipped. docs/peers.md explains
tables, costs and figures.
"""

import argparse
import multiprocessing
import os
import platform
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from benchmarks.peers.catalogue import TABLES, find_file, open_table
from benchmarks.peers.cell import Cell, run_cell
from benchmarks.peers.command import SHARED, exit_code, select
from benchmarks.peers.peer import list_peers
from benchmarks.peers.plots import plot_critical_difference, plot_regret
from benchmarks.peers.printing import describe_table, percent, print_figures, print_notes, print_ranks
from benchmarks.peers.results import ResultFile
from benchmarks.peers.simulation import Course
from benchmarks.peers.summary import SHARES, Figures, rank_methods, summarise

FOLDERS = [Path(__file__).with_name("tables"), SHARED / "benchmarks"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    arguments = parse(argv)
    return exit_code(lambda: _Benchmark(arguments).run())


class _Benchmark:
    """One call of the command.

    Args:
        arguments: see ``parse``.

    Raises:
        UserError: a peer or table does not exist, or a table is invalid.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._peers = select(arguments.peers, list_peers(), "method")
        names = select(arguments.tables, TABLES, "table")
        self._skipped_tables = [name for name in names if find_file(name, arguments.folders) is None]
        if arguments.tables and self._skipped_tables:
            open_table(self._skipped_tables[0], arguments.folders)  # raises: it was asked for by name
        present = [name for name in names if name not in self._skipped_tables]
        self._tables = {name: open_table(name, arguments.folders) for name in present}
        self._file = ResultFile(arguments.results)
        reasons = {name: peer.why_not() for name, peer in self._peers.items()}
        self._absent = {name: reason for name, reason in reasons.items() if reason is not None}
        self._failed: dict[tuple[str, str], str] = {}

    def run(self) -> int:
        """Search, print, draw; return 1 if a search failed."""
        self._search()
        self._report()
        return 1 if self._failed else 0

    def _search(self) -> None:
        cells = [
            (peer, table, seed)
            for seed in range(self._arguments.first_seed, self._arguments.first_seed + self._arguments.seeds)
            for table in self._tables
            for peer in self._peers
            if peer not in self._absent and not self._file.has(peer, self._tables[table], seed, self._arguments.budget)
        ]
        if not cells or self._arguments.report_only:
            return
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # each search has one thread, so that they do not share cores
        # Each search has a process of its own, because some libraries keep global state, e.g. generators.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["benchmarks.peers.cell"])
        with ProcessPoolExecutor(self._arguments.processes, context, max_tasks_per_child=1) as pool:
            folders, budget = self._arguments.folders, self._arguments.budget
            waiting = {pool.submit(run_cell, cell, folders, budget): cell for cell in cells}
            try:
                for number, done in enumerate(as_completed(waiting), 1):
                    self._store(waiting[done], done.exception() or done.result())
                    print(f"{number} of {len(cells)} searches", end="\r", file=sys.stderr, flush=True)
            except BaseException:  # Ctrl-C, too, cancels what has not begun
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _store(self, cell: Cell, outcome: Course | BaseException) -> None:
        peer, table, seed = cell
        if isinstance(outcome, BaseException):
            reason = f"{type(outcome).__name__}: {outcome}".splitlines()[0]
            self._failed[peer, table] = reason
            print(f"{peer} on {table}, seed {seed} failed: {reason}", file=sys.stderr, flush=True)
            return
        versions = self._peers[peer].versions
        self._file.add(peer, self._tables[table], seed, self._arguments.budget, outcome, versions)

    def _report(self) -> None:
        budget = self._arguments.budget
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; budget {budget:g}\n")
        figures: dict[str, dict[str, Figures]] = {}
        for name, table in self._tables.items():
            results = {peer: found for peer, found in self._file.of(table, budget).items() if peer in self._peers}
            figures[name] = {peer: summarise(table, found, budget) for peer, found in results.items()}
            reasons = {peer: reason for (peer, where), reason in self._failed.items() if where == name}
            skipped = {peer: reason for peer, reason in (self._absent | reasons).items() if peer not in results}
            print(f"{describe_table(table)}\n\n{print_figures(figures[name], skipped, budget)}\n")
            if self._arguments.plots is not None and results:
                self._arguments.plots.mkdir(parents=True, exist_ok=True)
                plot_regret(table, results, budget, self._arguments.plots / f"regret_{name}.png")
        for name in self._skipped_tables:
            print(f"Table {name} skipped: its file {TABLES[name].file}.jsonl.gz was not found.\n")
        self._report_ranks(figures)
        print(print_notes(self._peers, self._absent))

    def _report_ranks(self, figures: dict[str, dict[str, Figures]]) -> None:
        """Print and draw mean ranks over the tables, and over the tables with their altered copies."""
        originals = [name for name in figures if TABLES[name].alter is None]
        for kind, names in (("tables", originals), ("tables_and_copies", list(figures))):
            everywhere = [peer for peer in self._peers if all(peer in figures[name] for name in names)]
            if len(everywhere) < 2 or len(names) < 2 or (kind != "tables" and names == originals):
                continue
            for share in SHARES:
                score = f"mean cost to the best {percent(share)}"
                ranks = rank_methods(
                    {peer: [figures[name][peer].mean_cost[share][0] for name in names] for peer in everywhere}
                )
                print(f"{print_ranks(ranks, score, names)}\n")
                if self._arguments.plots is not None:
                    path = self._arguments.plots / f"critical_difference_{round(100 * share)}_{kind}.png"
                    if not plot_critical_difference(ranks, score, path):
                        print("The critical-difference diagram needs scikit-posthocs, three methods and two tables.\n")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python3 -m benchmarks.peers.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--peers", help=f"methods, separated by semicolons (default all): {'; '.join(list_peers())}")
    add("--tables", help=f"tables, separated by semicolons (default all that are found): {'; '.join(TABLES)}")
    add("--seeds", type=int, default=30, metavar="N", help="number of seeds (default 30)")
    add("--first-seed", type=int, default=0, metavar="N", help="first seed (default 0)")
    add("--budget", type=float, default=40, help="full trainings (default 40)")
    add("--processes", type=int, default=1, metavar="N", help="searches at once (default 1)")
    add("--results", type=Path, default=Path("peers.jsonl"), help="file of the results (default peers.jsonl)")
    add("--plots", type=Path, metavar="FOLDER", help="draw figures into this folder")
    add("--report-only", action="store_true", help="print and draw the results that there are")
    add(
        "--folder",
        dest="folders",
        type=Path,
        action="append",
        help="folder with files of tables; repeatable (default benchmarks/peers/tables and ../shared/benchmarks)",
    )
    arguments = parser.parse_args(argv)
    arguments.folders = arguments.folders or FOLDERS
    for name in ("seeds", "processes", "budget"):
        if getattr(arguments, name) <= 0:
            parser.error(f"Invalid value for --{name}: {getattr(arguments, name)}. Expected a number > 0.")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
