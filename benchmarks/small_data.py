#!/usr/bin/env python3
"""Test accuracy with few images of a class, at equal time: metaopt with and without a backbone, beside other tools.

    python3 -m benchmarks.small_data --data cifar10=cifar10.npz --backbone efficientnet_lite0.keras --out small_data

A data set is a ``.npz`` file or a folder, see docs/data.md. For each seed, as many images of each class are drawn from
its training images, and all of its test images are used once, at the end. Methods:

- ``transfer``: ``metaopt search --space transfer`` with the backbone, then ``metaopt retrain``;
- ``scratch``: ``metaopt search --space photo_cnn --strategy gp-asha``, then ``metaopt retrain``;
- ``recipe``: the one of Keras' guide with the same backbone, see small_data_peers/keras_recipe.py;
- ``autokeras``: AutoKeras' ``ImageClassifier``, see small_data_peers/autokeras_search.py. It needs Keras 3.12, so it
  runs with the Python of ``--autokeras``, and is left out without it.

The time of the two searches is 80 % of ``--time``, or ``--search-share``; what is left is for ``retrain``, which is not
stopped: its seconds, the test included, are in the results. As many trainings as ``--parallel`` run at once and share
the cores. The same command resumes a benchmark that was stopped. The table is OUT/small_data.md.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from commands import INTERRUPTED, Commands  # noqa: E402

from metaopt.cli.arguments import duration  # noqa: E402
from metaopt.data import DataSpec, load  # noqa: E402
from metaopt.report.analysis.test_log import read_test_log  # noqa: E402

METHODS = ("transfer", "recipe", "autokeras", "scratch")
PEERS = ROOT / "benchmarks" / "small_data_peers"


class _Failed(Exception):
    """A command of a training failed."""


@dataclass(frozen=True)
class Cell:
    """One training.

    Attributes:
        data: name of the data set.
        path: where it is.
        per_class: training images of each class.
        method: one of ``METHODS``.
        seed: of the draw of images, and of the method.
    """

    data: str
    path: str
    per_class: int
    method: str
    seed: int

    @property
    def name(self) -> str:
        """Name of its files."""
        return f"{self.data}_{self.per_class}_{self.method}_{self.seed}"


def draw(cell: Cell, out: Path) -> Path:
    """Return a file with the images of a cell, made unless it is there."""
    path = out / f"{cell.data}_{cell.per_class}_{cell.seed}.npz"
    if path.exists():
        return path
    data = load(DataSpec(cell.path, augment="none"))
    images = data.everything()
    (head, labels), *_ = images.labels.items()
    rng = np.random.default_rng(cell.seed)
    rows = [rng.permutation(np.flatnonzero(labels == label))[: cell.per_class] for label in np.unique(labels)]
    if min(map(len, rows)) < cell.per_class:
        raise SystemExit(f"{cell.path}: a class has fewer than {cell.per_class} training images.")
    chosen = rng.permutation(np.concatenate(rows))  # in random order, as AutoKeras validates with the last ones
    x, _ = images.batch(chosen)
    test = data.test()
    x_test, _ = test.batch(np.arange(len(test)))
    temporary = path.with_suffix(f".{os.getpid()}.npz")
    np.savez(
        temporary,
        x_train=x,
        y_train=labels[chosen],
        x_test=x_test,
        y_test=test.labels[head],
        classes=np.array(data.class_names[head]),
    )
    temporary.replace(path)
    return path


class Benchmark:
    """Trainings of all cells.

    Args:
        options: those of the command.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._out: Path = options.out
        self._commands = Commands(options.parallel)
        self._runs: dict[str, Callable[[Cell, Path, Path], dict[str, Any]]] = {
            "transfer": partial(self._search, ["--space", "transfer", "--backbone", options.backbone]),
            "scratch": partial(self._search, ["--space", "photo_cnn", "--strategy", "gp-asha"]),
            "recipe": self._recipe,
            "autokeras": self._autokeras,
        }

    def run(self, cells: Sequence[Cell]) -> int:
        """Train what has no result yet, and return how many trainings failed; the others go on."""
        for cell in cells:
            draw(cell, self._out)
        left = [cell for cell in cells if not self._result(cell).exists()]
        self._commands.all([partial(self._train, cell) for cell in left])
        return sum(not self._result(cell).exists() for cell in left)

    def write_table(self, cells: Sequence[Cell]) -> None:
        """Write the table of all results until now."""
        (self._out / "small_data.md").write_text(format_table(read_results(self._out, cells), self._options))

    def _result(self, cell: Cell) -> Path:
        return self._out / f"{cell.name}.json"

    def _train(self, cell: Cell) -> None:
        try:
            result = self._runs[cell.method](cell, draw(cell, self._out), self._out / f"{cell.name}.log")
        except _Failed as error:
            print(f"{cell.name}: {error}", flush=True)
            return
        whole = {**result, "time_s": self._options.time}
        temporary = self._result(cell).with_suffix(".tmp")
        temporary.write_text(json.dumps(whole))
        temporary.replace(self._result(cell))
        print(f"{cell.name}: {whole['accuracy']:.4f}", flush=True)

    def _search(self, flags: Sequence[str], cell: Cell, data: Path, log: Path) -> dict[str, Any]:
        """Search and retrain; a search that was stopped goes on in the time that it has left."""
        study = self._out / cell.name
        retrain_s = None  # unknown where the benchmark was stopped after it
        if not read_test_log(study):
            left = max(1, round(self._options.search_share * self._options.time - _searched_s(study)))
            common = ["-m", "metaopt", "search", "--data", str(data), "--results", str(study), "--trials", "10000"]
            self._call([*common, *flags, "--seed", str(cell.seed), "--time", f"{left}s"], log)
            began = time.monotonic()
            self._call(["-m", "metaopt", "retrain", "--results", str(study)], log)
            retrain_s = time.monotonic() - began
        entry = read_test_log(study)[-1]
        accuracy = entry["scores"]["test_accuracy"]["value"]
        searched_s = _searched_s(study)
        return {"accuracy": accuracy, "point": entry["point"], "searched_s": searched_s, "retrain_s": retrain_s}

    def _recipe(self, cell: Cell, data: Path, log: Path) -> dict[str, Any]:
        return self._peer("keras_recipe.py", [self._options.backbone], cell, data, log)

    def _autokeras(self, cell: Cell, data: Path, log: Path) -> dict[str, Any]:
        folder = str(self._out / f"{cell.name}_work")
        return self._peer("autokeras_search.py", [folder], cell, data, log, self._options.autokeras)

    def _peer(
        self, program: str, more: Sequence[str], cell: Cell, data: Path, log: Path, python: str | None = None
    ) -> dict[str, Any]:
        written = self._out / f"{cell.name}.tmp"
        arguments = [str(data), *more, str(written), str(self._options.time), str(cell.seed)]
        self._call([str(PEERS / program), *arguments], log, python)
        result: dict[str, Any] = json.loads(written.read_text())
        return result

    def _call(self, command: Sequence[str], log: Path, python: str | None = None) -> None:
        code = self._commands.call(command, log, python)
        if code:
            raise KeyboardInterrupt if code == INTERRUPTED else _Failed(f"exit code {code}, see {log}")


def _searched_s(study: Path) -> float:
    """Return the seconds that a search has run, 0 before it began."""
    if not (study / "journal.header").exists():
        return 0.0
    status = subprocess.run(
        [sys.executable, "-m", "metaopt", "status", "--json", str(study)], cwd=ROOT, capture_output=True, check=False
    )
    return float(json.loads(status.stdout).get("seconds", 0.0)) if status.returncode == 0 else 0.0


def read_results(out: Path, cells: Sequence[Cell]) -> dict[Cell, dict[str, Any]]:
    """Return the results until now."""
    files = {cell: out / f"{cell.name}.json" for cell in cells}
    return {cell: json.loads(file.read_text()) for cell, file in files.items() if file.exists()}


def format_table(results: dict[Cell, dict[str, Any]], options: argparse.Namespace) -> str:
    """Return a Markdown table: mean test accuracy over seeds, with the interval of the mean, per cell and method."""
    shown = [method for method in METHODS if any(cell.method == method for cell in results)]
    lines = [
        "| data | images per class | " + " | ".join(shown) + " |",
        "|---|---|" + "---|" * len(shown),
    ]
    for data, per_class in sorted({(cell.data, cell.per_class) for cell in results}):
        row = []
        for method in shown:
            found = [
                one["accuracy"]
                for cell, one in results.items()
                if (cell.data, cell.per_class, cell.method) == (data, per_class, method)
            ]
            row.append(_describe(found))
        lines.append(f"| {data} | {per_class} | " + " | ".join(row) + " |")
    cores = len(os.sched_getaffinity(0))
    lines += ["", f"{options.time:.0f} s each, {options.parallel} at once on {cores} cores."]
    return "\n".join(lines) + "\n"


def _describe(accuracies: Sequence[float]) -> str:
    """Return a mean with its 95 % interval by Student's t over seeds."""
    if not accuracies:
        return ""
    mean, n = float(np.mean(accuracies)), len(accuracies)
    if n == 1:
        return f"{mean:.3f} (n = 1)"
    from scipy.stats import t

    half = float(t.ppf(0.975, n - 1)) * float(np.std(accuracies, ddof=1)) / math.sqrt(n)
    return f"{mean:.3f} ± {half:.3f}"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Test accuracy with few images of a class, at equal time.")
    parser.add_argument("--data", action="append", required=True, metavar="NAME=PATH", help="a data set; repeatable")
    parser.add_argument("--backbone", help="a .keras file")
    parser.add_argument("--autokeras", help="Python of an environment with AutoKeras")
    parser.add_argument("--per-class", type=int, nargs="+", default=[10, 50, 200], help="training images of a class")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds")
    parser.add_argument("--time", type=duration, default="10m", help="of each training, e.g. 10m")
    parser.add_argument("--search-share", type=float, default=0.8, help="of the time, for a search before its retrain")
    parser.add_argument("--parallel", type=int, default=1, help="trainings at once")
    parser.add_argument("--out", type=Path, default=Path("small_data"), help="folder of the results")
    options = parser.parse_args()
    options.backbone = None if options.backbone is None else str(Path(options.backbone).resolve())
    options.out = options.out.resolve()
    return options


def main() -> None:
    options = parse()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.autokeras is None and "autokeras" in options.methods:
        print("autokeras is left out: --autokeras names no Python")
        options.methods.remove("autokeras")
    if options.backbone is None or not Path(options.backbone).is_file():
        why = "no --backbone is given" if options.backbone is None else f"there is no file {options.backbone}"
        for method in [each for each in ("transfer", "recipe") if each in options.methods]:
            print(f"{method} is left out: {why}")
            options.methods.remove(method)
    sets = [each.partition("=")[::2] for each in options.data]
    cells = [
        Cell(name, str(Path(path).resolve()), per_class, method, seed)
        for seed, (name, path), per_class, method in product(
            range(options.seeds), sets, options.per_class, options.methods
        )
    ]
    benchmark = Benchmark(options)
    try:
        failed = benchmark.run(cells)
    finally:
        benchmark.write_table(cells)
    print((options.out / "small_data.md").read_text())
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
