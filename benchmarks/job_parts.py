#!/usr/bin/env python3
"""CPU seconds of each part of a search's trainings, with kept compiled models and with a new model for each training.

The same search runs in turn with and without kept models; it counts epochs instead of seconds (``--deterministic``), so
both train the same trials, and the metrics of all epochs are compared bit by bit. Each part leaves out the parts inside
it. Medians over the repeats. One thread, so that CPU seconds are those of an idle machine.

    python3 benchmarks/job_parts.py [--repeats 3] [-- SEARCH FLAGS, by default --data digits --trials 7]
"""

import argparse
import functools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from metaopt.storage.study import Study  # noqa: E402

SEARCH = ["--data", "digits", "--trials", "7"]
REST = "rest of the search: proposals, journal, imports"
_THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


class Parts:
    """CPU seconds and calls of functions, each without the measured functions that it calls."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.calls: dict[str, int] = defaultdict(int)
        self._inner = [0.0]

    def measure(self, owner: Any, name: str, part: str) -> None:
        """Replace a function of a module or class by one that is measured."""
        function: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(function)
        def measured(*arguments: Any, **options: Any) -> Any:
            began = time.process_time()
            self._inner.append(0.0)
            try:
                return function(*arguments, **options)
            finally:
                taken = time.process_time() - began
                self.seconds[part] += taken - self._inner.pop()
                self.calls[part] += 1
                self._inner[-1] += taken

        setattr(owner, name, measured)


def measure_trainings(parts: Parts) -> None:
    """Measure what the trainings of this process do."""
    import gc

    from metaopt.training import checkpoint, epoch_loop, fit, model_source
    from metaopt.training.batches import Validation

    parts.measure(model_source.ModelSource, "build", "build")
    parts.measure(fit, "compile_steps", "trace and compile the steps")
    parts.measure(checkpoint.Checkpoint, "restore", "read the checkpoint")
    parts.measure(fit, "initialize", "set the variables")
    parts.measure(fit, "_train", "train steps")
    parts.measure(Validation, "predict", "validate")
    parts.measure(epoch_loop, "validation_metrics", "validate")
    parts.measure(epoch_loop.EpochLoop, "_save", "write checkpoints")
    parts.measure(epoch_loop.EpochLoop, "_report", "report epochs (journal, driver)")
    parts.measure(gc, "collect", "collect garbage")


def run_child(flags: list[str], keeps: bool, output: Path) -> None:
    """Run a search in this process, and write its parts."""
    from metaopt.cli.search import main as search
    from metaopt.training import KerasTrainer, compiled_models

    if not keeps:
        compiled_models.CompiledModels.take = lambda *_: None  # type: ignore[method-assign]
    parts = Parts()
    set_up = KerasTrainer.setup

    def measured_set_up(trainer: KerasTrainer, options: Any) -> None:
        set_up(trainer, options)
        measure_trainings(parts)

    KerasTrainer.setup = measured_set_up  # type: ignore[method-assign]
    parts.measure(KerasTrainer, "setup", "import Keras and its backend, load the data")
    sys.argv = ["hyperopt_optimize.py", *flags]
    code = search(beside=ROOT)
    parts.seconds[REST] = time.process_time() - sum(parts.seconds.values())
    parts.calls[REST] = 1
    output.write_text(json.dumps([code, parts.seconds, parts.calls]))


def run(flags: list[str], keeps: bool, folder: Path) -> tuple[dict[str, float], dict[str, int], list[Any]]:
    """Return seconds and calls of the parts of a search, and the metrics of all its epochs."""
    output, results = folder / "parts.json", folder / "results"
    search = [*flags, "--executor", "inline", "--deterministic", "--results", str(results)]
    command = [sys.executable, __file__, "--child", str(output), *(["--keep"] if keeps else []), "--", *search]
    subprocess.run(command, check=True, env={**os.environ, **dict.fromkeys(_THREADS, "1")}, stdout=subprocess.DEVNULL)
    code, seconds, calls = json.loads(output.read_text())
    assert not code, f"The search ended with the exit code {code}."
    return seconds, calls, [trial.metrics for trial in Study.load(results).state.trials]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--keep", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("search", nargs="*", help="flags of the search, after --", metavar="FLAG")
    arguments = parser.parse_args()
    flags = arguments.search or SEARCH
    if arguments.child is not None:
        run_child(flags, arguments.keep, arguments.child)
        return
    runs: dict[bool, list[Any]] = {True: [], False: []}
    for _ in range(arguments.repeats):
        for keeps in runs:
            with tempfile.TemporaryDirectory() as folder:
                runs[keeps].append(run(flags, keeps, Path(folder)))
    metrics = [each[2] for some in runs.values() for each in some]
    print(
        f"{platform.machine()}, Python {platform.python_version()}, search {' '.join(flags)}, "
        f"{arguments.repeats} runs each, {sum(map(len, metrics[0]))} epochs"
    )
    print("metrics of all epochs:", "equal" if all(each == metrics[0] for each in metrics) else "NOT EQUAL")
    print("\n| part | calls | CPU s | with new models: calls | CPU s |\n|---|---|---|---|---|")
    middle = {
        keeps: {name: statistics.median(each[0].get(name, 0.0) for each in some) for name in some[0][0]}
        for keeps, some in runs.items()
    }
    for name in sorted(middle[False], key=middle[False].__getitem__, reverse=True):
        cells = [f"{runs[keeps][0][1].get(name, 0)} | {middle[keeps].get(name, 0.0):.1f}" for keeps in runs]
        print(f"| {name} | {' | '.join(cells)} |")
    totals = {keeps: statistics.median(sum(each[0].values()) for each in some) for keeps, some in runs.items()}
    print(f"| all | | {totals[True]:.1f} | | {totals[False]:.1f} |")


if __name__ == "__main__":
    main()
