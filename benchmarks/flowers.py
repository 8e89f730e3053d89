#!/usr/bin/env python3
"""Search strategies under constraints on 17 kinds of flowers: the published experiment, scaled to two CPU cores.

Carlos Marañes: AutoML project, summer semester 2021, Universität Freiburg. Its space is ``flower_cnn``. It maximised
the validation top-3 accuracy under a largest number of parameters and a least precision, 24 hours a run on a GTX 1060.

    python3 benchmarks/flowers.py --data flowers17 --out flowers
    python3 benchmarks/flowers.py --data flowers17 --out published --published --time 10m

``--published`` takes the strategies, limits, sweep and details of the publication as defaults: EA-Hyperband, evolution,
random search and the default network, images in 0..1, mutations that draw one hyperparameter anew, tournaments of ten,
a fully trained first population, splits by seed, no augmentation.

Each strategy searches with each seed under each set of limits; what it found is retrained with other seeds and measured
on the test images. Everything is done by the program's own commands. ``default`` is the project's default network,
which breaks the limits and is only trained. A benchmark that was stopped goes on when the same command is run again:
searches where they were, and what is retrained already is kept. The table is OUT/flowers.md, made anew after each step.
"""

import argparse
import json
import re
import shlex
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from commands import INTERRUPTED, Commands  # noqa: E402
from flowers_table import write_table  # noqa: E402

from metaopt.cli.arguments import duration  # noqa: E402
from metaopt.engine.strategy import STRATEGIES  # noqa: E402
from metaopt.report.analysis.test_log import read_test_log  # noqa: E402
from metaopt.storage.study import JOURNAL, Study  # noqa: E402

DEFAULT = "default"
PROBLEM = """from metaopt.zoo.{module} import default_point, network, training

space = default_point
"""
# Further limits of the sweep, for the last seed.
SWEEP = [
    "params<=2e6,macs<=1e7,val_precision>=0.45",
    "params<=2e6,macs<=1e7,val_precision>=0.55",
    "params<=5e5,macs<=1e7,val_precision>=0.5",
    "params<=2e7,macs<=1e7,val_precision>=0.5",
]
PUBLISHED_SWEEP = [
    "params<=5e7,val_precision>=0.39",
    "params<=1e8,val_precision>=0.39",
    "params<=2e7,val_precision>=0.40",
    "params<=2e7,val_precision>=0.42",
    "params<=4e6,val_precision>=0.39",
    "params<=2e6,val_precision>=0.39",
]
PUBLISHED = {
    "space": "flower_cnn_published",
    "strategies": ["ea-hyperband", "evolution", "random", "default"],
    "limits": ["params<=2e7,val_precision>=0.39"],
    "search_flags": ["--augment", "none"],
}
PUBLISHED_EVOLUTION = ["--mutation", "redraw", "--tournament", "10"]
EVOLUTIONS = [name for name, (sampler, _) in STRATEGIES.items() if sampler == "evolution"]
KEPT, NO_TRIAL, NONE_FEASIBLE = 0, 4, 5  # exit codes of a search


@dataclass(frozen=True)
class Cell:
    """One search, and the retrainings of its best network.

    Attributes:
        strategy: its name, or ``default``.
        seed: of the search.
        limits: as they are given to ``--constraint``, with commas between them; empty for the default network.
        seconds: that it searches; 0 for the default network.
        folder: of the study.
    """

    strategy: str
    seed: int
    limits: str
    seconds: float
    folder: Path

    @property
    def name(self) -> str:
        """Name for messages."""
        return f"{self.strategy}, seed {self.seed}" + (f", {self.limits}" if self.limits else "")

    @property
    def log(self) -> Path:
        """Output of its commands."""
        return self.folder.with_name(f"{self.folder.name}.log")

    @property
    def ended(self) -> int | None:
        """Exit code of its search if it ended after at least the wanted time, else None."""
        try:
            note = json.loads(self._note.read_text())
        except FileNotFoundError:
            return None
        return int(note["exit"]) if note["seconds"] >= self.seconds else None

    def end(self, code: int) -> None:
        """Store that its search ended."""
        aside = self._note.with_suffix(".tmp")
        aside.write_text(json.dumps({"exit": code, "seconds": self.seconds}) + "\n")
        aside.replace(self._note)

    @property
    def _note(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.ended.json")


class Benchmark:
    """Runs the missing parts of a benchmark, some commands at a time, each with its share of the cores."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.out: Path = arguments.out
        self.cells = plan(arguments)
        self._commands = Commands(arguments.parallel)
        self._lock = threading.Lock()

    def run(self) -> None:
        """Search, then retrain, and write the table after each step."""
        began = time.monotonic()
        self.out.mkdir(parents=True, exist_ok=True)
        module = "flower_cnn_published" if self.arguments.published else "flower_cnn"
        (self.out / "default_point.py").write_text(PROBLEM.format(module=module))
        retrainings = [(cell, seed) for cell in self.cells for seed in self._retrain_seeds(cell)]
        try:
            self._commands.all([lambda cell=cell: self._search(cell) for cell in self.cells])
            self._commands.all([lambda cell=cell, seed=seed: self._retrain(cell, seed) for cell, seed in retrainings])
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        self._draw()
        print(f"{time.monotonic() - began:.0f} s of wall time; the table is {self._table()}")

    def _draw(self) -> None:
        """Draw the searches of each set of limits: best so far, and means of the populations, over time."""
        for limits in dict.fromkeys(cell.limits for cell in self.cells if cell.limits):
            cells = [cell for cell in self.cells if cell.limits == limits and cell.ended in (KEPT, NONE_FEASIBLE)]
            if len(cells) > 1:
                figures = self.out / "figures" / slug(limits)
                command = ["-m", "metaopt", "compare", *(str(cell.folder) for cell in cells), "--output", str(figures)]
                self._commands.call(command, self.out / "compare.log")

    def _retrain_seeds(self, cell: Cell) -> list[int]:
        seeds = self.arguments.retrain_seeds
        return seeds[: self.arguments.default_retrainings] if cell.strategy == DEFAULT else seeds

    def _search(self, cell: Cell) -> None:
        """Search until the time is over, including the time before an interruption."""
        arguments = self.arguments
        if cell.ended is not None:
            return
        cell.folder.parent.mkdir(parents=True, exist_ok=True)
        spent = Study.load(cell.folder).state.clock if (cell.folder / JOURNAL).exists() else 0.0
        command = ["hyperopt_optimize.py", "--data", str(arguments.data), "--objective", "val_top3"]
        command += ["--epochs", str(arguments.epochs), "--folds", "1", "--results", str(cell.folder)]
        command += arguments.search_flags
        if cell.strategy == DEFAULT:
            command += ["--space", str(self.out / "default_point.py"), "--strategy", "random", "--trials", "1"]
        else:
            command += ["--space", arguments.space, "--strategy", cell.strategy, "--seed", str(cell.seed)]
            command += ["--trials", "100000"]
            command += self._flags_of(cell)
            command += ["--time", f"{max(1.0, cell.seconds - spent):.0f}s"]
            for limit in cell.limits.split(","):
                command += ["--constraint", limit]
        code = self._commands.call(command, cell.log)
        if code not in (KEPT, NO_TRIAL, NONE_FEASIBLE):
            raise SystemExit(f"the search of {cell.name} ended with {code}: see {cell.log}")
        cell.end(code)
        self._say(f"searched: {cell.name}")

    def _flags_of(self, cell: Cell) -> list[str]:
        """Return the flags that only some strategies read, and those of the publication."""
        flags = ["--split-seed", str(cell.seed)] if self.arguments.published else []
        if cell.strategy not in EVOLUTIONS:
            return flags
        flags += ["--mu", str(self.arguments.mu)]
        if not self.arguments.published:
            return flags
        full = ["--full-population"] if STRATEGIES[cell.strategy][1] != "full" else []
        return [*flags, *PUBLISHED_EVOLUTION, *full]

    def _retrain(self, cell: Cell, seed: int) -> None:
        if cell.ended != KEPT:
            return
        epochs = self.arguments.epochs if cell.strategy == DEFAULT else self.arguments.retrain_epochs
        wanted = (Study.load(cell.folder).require_best()["trial"], seed, epochs)
        if any((m["trial"], m["seed"], m["epochs"]) == wanted for m in read_test_log(cell.folder)):
            return
        model = cell.folder / f"seed_{seed}.keras"
        command = ["-m", "metaopt", "retrain", "--results", str(cell.folder), "--seed", str(seed)]
        command += ["--epochs", str(epochs), "--output", str(model), *self.arguments.retrain_flags]
        code = self._commands.call(command, cell.log)
        if code:
            raise SystemExit(f"a retraining of {cell.name} ended with {code}: see {cell.log}")
        self._say(f"retrained with seed {seed}: {cell.name}")

    def _say(self, text: str) -> None:
        with self._lock:
            print(text, flush=True)
            self._table()

    def _table(self) -> Path:
        command = shlex.join(["python3", "benchmarks/flowers.py", *sys.argv[1:]])
        return write_table(self.out, [cell for cell in self.cells if cell.ended is not None], command)


def plan(arguments: argparse.Namespace) -> list[Cell]:
    """Return every search of the benchmark, the default network first, as its training is the slowest."""
    searched = [strategy for strategy in arguments.strategies if strategy != DEFAULT]
    wanted = [*product(arguments.limits, arguments.seeds, searched)]
    sweep = PUBLISHED_SWEEP if arguments.published else SWEEP
    wanted += product(sweep, arguments.seeds[-1:], arguments.sweep)
    also = f",{arguments.also}" if arguments.also else ""
    cells = [
        Cell(strategy, seed, limits + also, arguments.time, arguments.out / slug(limits + also) / f"{strategy}_{seed}")
        for limits, seed, strategy in wanted
    ]
    default = Cell(DEFAULT, 0, "", 0.0, arguments.out / DEFAULT / f"{DEFAULT}_0")
    return [default, *cells] if DEFAULT in arguments.strategies else cells


def slug(limits: str) -> str:
    """Return constraints as the name of a folder."""
    return re.sub(r"[<>=]+", "_", limits).replace(",", "-")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n", 1)[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--data", default=ROOT.parent / "shared/data/flowers17", help="the folder with train/ and test/")
    add("--out", type=Path, default=Path("flowers"), help="folder of the benchmark")
    add("--space", default="flower_cnn", help="the searched space; the default network is always flower_cnn's")
    add("--strategies", nargs="*", default=["random", "tpe", "evolution", DEFAULT], metavar="NAME")
    add("--seeds", nargs="*", type=int, default=[0, 42, 123], metavar="N")
    add("--limits", nargs="*", default=["params<=2e6,macs<=1e7,val_precision>=0.5"], metavar="LIMIT,LIMIT,…")
    add(
        "--also",
        metavar="LIMIT",
        help="a limit that is added to each set: the published ones allow networks that take minutes an epoch on a CPU",
    )
    add(
        "--sweep",
        nargs="*",
        default=[],
        metavar="NAME",
        help="strategies for the sweep of constraints, with the last seed",
    )
    add("--published", action="store_true", help="the choices of the publication, like with like")
    add("--epochs", type=int, default=20, help="epochs of a trial, and of the default network")
    add("--mu", type=int, default=12, help="the size of an evolution's population")
    add("--time", type=duration, default="20m", help="time of each search, e.g. 30s, 20m, 24h")
    add("--retrain-epochs", type=int, default=200, help="epochs of each retraining")
    add("--retrain-seeds", nargs="*", type=int, default=[1, 2, 3, 4, 5], metavar="N")
    add(
        "--default-retrainings",
        type=int,
        default=1,
        metavar="N",
        help="retrainings of the default network, which has 39 times the MACs",
    )
    add("--search-flags", type=shlex.split, default="--augment flip+shift --schedule cosine", metavar="FLAGS")
    add("--retrain-flags", type=shlex.split, default="", metavar="FLAGS")
    add("--parallel", type=int, default=2, help="commands at once, which share the cores")
    if parser.parse_known_args(argv)[0].published:
        parser.set_defaults(**PUBLISHED)
    arguments = parser.parse_args(argv)
    arguments.out = arguments.out.resolve()
    arguments.data = Path(arguments.data).resolve()
    return arguments


if __name__ == "__main__":
    Benchmark(parse(None)).run()
