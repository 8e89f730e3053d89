"""Process of one run: pinned to its core before anything is imported that starts threads."""

import importlib
import json
import os
import traceback
from pathlib import Path
from typing import Any

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")


def carry_out(given: dict[str, Any]) -> int:
    """Carry out an order; the result is ``result.json`` in its folder. Return the exit code."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {given["core"]})
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the runs share no GPU
    from benchmarks.evolve.methods import METHODS

    method = METHODS[given["method"]]
    failed = None
    run = None
    try:
        from benchmarks.evolve.run_context import Order, Run

        _use_one_thread()
        run = Run.begin(Order(**given))
        module = importlib.import_module(f"benchmarks.evolve.methods.{method.module}")
        getattr(module, method.function)(run)
    except KeyboardInterrupt:  # the budget is spent
        pass
    except Exception:  # noqa: BLE001 - of any library; it is part of the result
        failed = traceback.format_exc()
    result = {} if run is None else {**run.recorder.result(), "planned_epochs": run.epochs}
    Path(given["folder"], "result.json").write_text(json.dumps({**result, "failed": failed}))
    return int(failed is not None)


def _use_one_thread() -> None:
    import keras

    if keras.backend.backend() == "torch":
        import torch

        torch.set_num_threads(1)
