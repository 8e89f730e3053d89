#!/usr/bin/env python3
"""Multi-fidelity strategies compared with full training, at equal wall time.

    python3 benchmarks/fidelity.py --out fidelity

Each strategy searches each data set with each seed for the same time; what it found is retrained and measured on the
test images. Columns: trials, epochs trained, the epochs saved because trials went on from their checkpoints instead of
from nothing at each rung, the best validation score, and the test accuracy and top-3. A benchmark that was stopped goes
on when the same command is run again. The table is OUT/fidelity.md, made anew after each step.

Where nearly every network has a top-3 of 1, as on the digits, ``--objective val_accuracy`` tells more.
"""

import argparse
import shlex
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from commands import INTERRUPTED, Commands  # noqa: E402

from metaopt.cli.arguments import duration  # noqa: E402
from metaopt.engine.strategy import STRATEGIES  # noqa: E402
from metaopt.report.analysis.test_log import read_test_log  # noqa: E402
from metaopt.storage.study import JOURNAL, Study  # noqa: E402

SPACE = "flower_cnn"
LIMITS = ("params<=2e6", "macs<=1e7")
NAMES = {"full": "tpe"}  # every network trained to the end


EVOLUTIONS = [name for name, (sampler, _) in STRATEGIES.items() if sampler == "evolution"]


@dataclass(frozen=True)
class Cell:
    """One search and the retraining of its best network."""

    data: str
    strategy: str
    seed: int
    folder: Path

    @property
    def name(self) -> str:
        """Name for messages."""
        return f"{Path(self.data).name}, {self.strategy}, seed {self.seed}"

    @property
    def spent(self) -> float:
        """Seconds of search so far."""
        return Study.load(self.folder).state.clock if (self.folder / JOURNAL).exists() else 0.0


class Benchmark:
    """Runs the missing parts, some commands at a time."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._commands = Commands(arguments.parallel)
        self._lock = threading.Lock()
        wanted = product(arguments.data, arguments.seeds, arguments.strategies)
        self._cells = [
            Cell(data, strategy, seed, arguments.out / Path(data).name / f"{strategy}_{seed}")
            for data, seed, strategy in wanted
        ]

    def run(self) -> None:
        """Search, then retrain."""
        try:
            for step in (self._search, self._retrain):
                self._commands.all([partial(self._done, step, cell) for cell in self._cells])
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)

    def _done(self, step: Callable[[Cell], None], cell: Cell) -> None:
        step(cell)
        with self._lock:
            self._table()

    def _search(self, cell: Cell) -> None:
        left = self._arguments.time - cell.spent
        if left < 1:
            return
        cell.folder.parent.mkdir(parents=True, exist_ok=True)
        arguments = self._arguments
        command = ["hyperopt_optimize.py", "--data", cell.data, "--space", SPACE, "--objective", arguments.objective]
        command += ["--strategy", NAMES.get(cell.strategy, cell.strategy), "--seed", str(cell.seed)]
        command += ["--mu", "6"] if cell.strategy in EVOLUTIONS else []
        command += ["--epochs", str(arguments.epochs), "--folds", "1", "--trials", "100000", "--time", f"{left:.0f}s"]
        command += [word for limit in LIMITS for word in ("--constraint", limit)]
        self._call(command, cell)

    def _retrain(self, cell: Cell) -> None:
        if not read_test_log(cell.folder):
            self._call(["-m", "metaopt", "retrain", "--epochs", str(self._arguments.epochs)], cell)

    def _call(self, command: Sequence[str], cell: Cell) -> None:
        log = cell.folder.with_name(f"{cell.folder.name}.log")
        code = self._commands.call([*command, "--results", str(cell.folder)], log)
        if code:
            raise SystemExit(f"{cell.name}: a command ended with {code}; see {log}")
        print(f"{cell.name}: {'retrained' if 'retrain' in command else 'searched'}", flush=True)

    def _table(self) -> None:
        command = shlex.join(["python3", "benchmarks/fidelity.py", *sys.argv[1:]])
        parts = ["# Short trainings first", f"`{command}`"]
        for data in self._arguments.data:
            rows = [self._row(data, strategy) for strategy in self._arguments.strategies]
            best = f"best {self._arguments.objective}"
            header = ("strategy", "trials", "epochs trained", "epochs saved", best, "test accuracy", "test top-3")
            lines = [header, ["---"] * len(header), *filter(None, rows)]
            table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
            parts += [f"## {Path(data).name}", "Means over seeds, with the least and the largest value.", table]
        (self._arguments.out / "fidelity.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")

    def _row(self, data: str, strategy: str) -> Sequence[str] | None:
        cells = [cell for cell in self._cells if (cell.data, cell.strategy) == (data, strategy) and cell.spent]
        if not cells:
            return None
        columns = list(zip(*(_figures(cell) for cell in cells), strict=True))
        return [strategy, *(_range(column) for column in columns)]


def _figures(cell: Cell) -> tuple[float | None, ...]:
    """Return the values of one search by the columns of the table."""
    study = Study.load(cell.folder)
    trained = sum(record["epochs"] for record in study.records)
    from_nothing = sum(epochs for record in study.records for _, epochs in record["rungs"])
    measured = read_test_log(cell.folder)
    scores = measured[0]["scores"] if measured else {}
    test = [scores.get(name, {}).get("value") for name in ("test_accuracy", "test_top3")]
    best = study.best
    return len(study.records), trained, from_nothing - trained, None if best is None else -best["loss"], *test


def _range(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    digits = 3 if any(isinstance(value, float) for value in known) else 0
    return f"{np.mean(known):.{digits}f} ({min(known):.{digits}f} to {max(known):.{digits}f})"


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n", 1)[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--data", nargs="*", default=["digits", str(ROOT.parent / "shared/data/flowers17")], help="data sets")
    add("--out", type=Path, default=Path("fidelity"), help="folder of the benchmark")
    add(
        "--strategies",
        nargs="*",
        default=["full", "hyperband", "asha", "bohb", "ea-hyperband", "gp-asha"],
        metavar="NAME",
    )
    add("--objective", choices=["val_top3", "val_accuracy"], default="val_top3", help="objective of the searches")
    add("--seeds", nargs="*", type=int, default=[0, 42, 123], metavar="N")
    add("--epochs", type=int, default=27, help="R, and the epochs of each retraining")
    add("--time", type=duration, default="5m", help="time of each search")
    add("--parallel", type=int, default=2, help="commands at once, which share the cores")
    arguments = parser.parse_args(argv)
    arguments.out = arguments.out.resolve()
    return arguments


if __name__ == "__main__":
    Benchmark(parse(None)).run()
