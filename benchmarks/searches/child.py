"""Process of one search: pinned to its cores before anything is imported that starts threads.

``python3 -m benchmarks.searches.child ORDER.json``; the driver writes the order, see ``benchmarks.searches.process``.
"""

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any


def main(path: Path) -> None:
    """Carry out an order: search, train a list of networks, measure the test accuracy of what was found, or import."""
    order: dict[str, Any] = json.loads(path.read_text())
    if order["cpus"]:
        os.sched_setaffinity(0, order["cpus"])

    if order["kind"] == "import":
        for module in order["modules"]:
            importlib.import_module(module)
        return

    from benchmarks.searches.recorder import Recorder
    from benchmarks.searches.tasks import LoadedTask, find_task

    loaded = LoadedTask(find_task(order["task"]), Path(order["data"]))
    folder = Path(order["folder"])
    if order["kind"] == "judge":
        from benchmarks.searches.judge import measure_test_accuracy

        (folder / "test.json").write_text(json.dumps(measure_test_accuracy(loaded, folder)))
        return

    from benchmarks.searches.method import Run, list_methods, list_trainers

    run = Run(loaded, order["seed"], order["epochs"], folder, Recorder(folder, order["began"]))
    if order["kind"] == "search":
        list_methods()[order["method"]].search(run)
    else:
        from metaopt.spaces import Vals

        list_trainers()[order["method"]].train(run, [Vals(vals) for vals in order["networks"]])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
