"""Seeded searches on simulated trainings, whose proposals and results every version must repeat.

``golden_proposals.json`` was made by the version of commit 6d6ebe8, the searches with ``tpe`` and ``bohb`` by the first
version with a TPE of its own; ``tests/test_compatibility.py`` compares with it.
To make it anew, which is only right where proposals change on purpose::

    python -m tests.assets.make_golden

The file is the same for any hash seed and number of threads. Processors without AVX2 differ in last digits, and from
these one of the 1,788 trials becomes another one.
"""

import json
import math
import platform
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hyperopt import hp
from hyperopt.pyll import as_apply

# Everything that is used of the library, of which the modules may move.
from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input, MaxPooling2D
from metaopt.engine.callbacks import Callback
from metaopt.engine.settings import resolve
from metaopt.engine.setup import ImageKind, open_study
from metaopt.engine.setup import search as run_search
from metaopt.engine.strategy import resolve_strategy
from metaopt.executors import Simulated
from metaopt.problems.problem import Problem
from metaopt.storage.files import Unsynced
from metaopt.storage.state import StudyState
from metaopt.storage.study import Study


def search(folder: Path, space: Any, network: Any, curve: Any, strategy: str, workers: int, options: dict) -> Study:
    """Runs a search on simulated trainings."""
    sampler, scheduler = resolve_strategy(strategy, None, None)
    given = {"sampler": sampler, "scheduler": scheduler, "workers": workers, **options}
    problem, images = Problem(space, network), ImageKind(INPUT_SHAPE, CLASSES)
    settings = resolve(given, {}, StudyState())
    executor = Simulated(curve, workers=workers)
    with open_study(
        folder, problem, settings, Callback(), images=images, files=Unsynced(), clock=executor.clock
    ) as study:
        run_search(study, problem, settings, executor, Callback(), images, clock=executor.clock)
    return study


GOLDEN = Path(__file__).with_name("golden_proposals.json")
INPUT_SHAPE, CLASSES = (20, 20, 3), {"label": 10}
TRIALS, EPOCHS, SEED = 30, 9, 11
STRATEGIES = ("random", "tpe", "anneal", "evolution", "gp", "hyperband", "asha", "gp-asha", "bohb", "ea-hyperband")
KEYS = (
    *("trial", "parent", "model_based", "vals", "status", "complete", "paused", "bracket", "epochs", "rungs"),
    *("loss", "best_epoch", "feasible", "violation", "params", "macs", "ended"),
)
MEASURED = ("val_precision>=0.65",)

NESTED = {
    "learning_rate": hp.loguniform("learning_rate", -9, -1),
    "units": hp.quniform("units", 4, 64, 4),
    "depth": hp.randint("depth", 5),
    "branch": hp.choice(
        "branch",
        [
            None,
            {"kind": "smooth", "rate": hp.uniform("rate", 0, 1)},
            {"kind": "steep", "power": hp.choice("power", [1, 2, {"exponent": hp.normal("exponent", 1, 0.5)}])},
        ],
    ),
}


def _block(name: str) -> Any:
    pool = hp.choice(f"{name}_pool", [None, {"size": hp.uniformint(f"{name}_size", 2, 3)}])
    return as_apply(
        {
            "filters": hp.qloguniform(f"{name}_filters", 1, 5, 1),
            "kernel": hp.uniformint(f"{name}_kernel", 1, 5),
            "stride": hp.choice(f"{name}_stride", [1, 2]),
            "pool": pool,
        }
    )


_BLOCKS = [_block(f"block_{number}") for number in range(5)]
STACK = {
    "blocks": hp.choice("n_blocks", [_BLOCKS[:number] for number in range(1, 6)]),
    "units": hp.choice("dense", [None, hp.quniform("units", 8, 256, 8)]),
    "learning_rate": hp.loguniform("learning_rate", -9, -1),
}


def stack(point: Any, input_shape: tuple[int, ...], classes: Any) -> Blueprint:
    """The network of a point of ``STACK``; many of them are impossible or too large."""
    x = inputs = Input(input_shape)
    for block in point["blocks"]:
        x = Conv2D(int(block["filters"]), block["kernel"], block["stride"], activation="relu")(x)
        if block["pool"] is not None:
            x = MaxPooling2D(block["pool"]["size"])(x)
    x = Flatten()(x)
    if point["units"] is not None:
        x = Dense(int(point["units"]), activation="relu")(x)
    return Blueprint(inputs, {head: Dense(n, activation="softmax")(x) for head, n in classes.items()})


def nested_curve(job: Any) -> Iterator[tuple[dict[str, float], float]]:
    """The learning curve of a point of ``NESTED``; some diverge, and the best accuracy comes with a poor precision."""
    point, branch = job.point, job.point["branch"] or {}
    power = branch.get("power", 0)
    power = power["exponent"] if isinstance(power, dict) else power
    log_rate = math.log(point["learning_rate"])
    ceiling = 0.95 - 0.02 * (log_rate + 4.5) ** 2 - 0.002 * abs(point["units"] - 40) - 0.03 * abs(point["depth"] - 2)
    ceiling += 0.1 * branch.get("rate", 0.3) - 0.05 * abs(power - 1)
    speed = 0.15 + 0.08 * (log_rate + 9)
    yield from _epochs(ceiling, speed, 1 + 0.1 * point["units"], diverges=point["depth"] == 4 and log_rate > -3)


def stack_curve(job: Any) -> Iterator[tuple[dict[str, float], float]]:
    """The learning curve of a point of ``STACK``, from the parameters of its network."""
    blueprint = stack(job.point, INPUT_SHAPE, CLASSES)
    log_rate = math.log(job.point["learning_rate"])
    ceiling = 0.2 + 0.06 * math.log(blueprint.params) - 0.02 * (log_rate + 4.5) ** 2
    yield from _epochs(ceiling, 0.15 + 0.08 * (log_rate + 9), 1 + blueprint.macs / 1e5)


def _epochs(
    ceiling: float, speed: float, seconds: float, *, diverges: bool = False
) -> Iterator[tuple[dict[str, float], float]]:
    """Accuracy rises towards a ceiling, then falls where it rose quickly; precision lags and dips."""
    for epoch in range(1, EPOCHS + 1):
        accuracy = ceiling * (1 - math.exp(-speed * epoch)) - 0.01 * speed * max(0, epoch - 4)
        accuracy = min(1.0, max(0.01, accuracy))
        precision = max(0.0, accuracy - 0.25 * math.exp(-0.4 * epoch) - 0.05 * ((epoch + 1) % 3))
        loss = math.inf if diverges and epoch == 3 else -math.log(accuracy)
        metrics = {"loss": loss, "val_accuracy": accuracy, "val_loss": -math.log(accuracy), "val_precision": precision}
        yield metrics, seconds


def searches() -> dict[str, tuple[Any, Any, Any, str, int, dict[str, Any]]]:
    """Name → the arguments of ``search`` after the folder."""
    found: dict[str, tuple[Any, Any, Any, str, int, dict[str, Any]]] = {}

    def add(name: str, strategy: str, workers: int = 1, *, networks: bool = False, **options: Any) -> None:
        task = (STACK, stack, stack_curve) if networks else (NESTED, None, nested_curve)
        options = {"trials": TRIALS, "epochs": EPOCHS, "seed": SEED, **options}
        found[f"{name} {strategy} workers {workers}"] = (*task, strategy, workers, options)

    for strategy in STRATEGIES:
        add("plain", strategy)
        add("plain", strategy, 4)
        add("measured", strategy, constraints=MEASURED)
        add("measured", strategy, 4, constraints=MEASURED)
    add("val_loss", "tpe", objective="val_loss")
    add("convergence", "evolution", objective="convergence")
    add("patience", "random", early_stopping=2)
    add("patience", "tpe", 4, early_stopping=2)
    add("hopeless", "random", stop_hopeless=True)
    add("stop after", "tpe", stop_after=6)
    limits = ("params<=2e4", "macs<=1e6")
    for strategy in ("random", "evolution", "tpe"):
        add("limits", strategy, networks=True, constraints=limits)
        add("limits", strategy, 4, networks=True, constraints=(*limits, "val_precision>=0.6"))
    for strategy in ("random", "evolution"):
        add("fill", strategy, networks=True, constraints=limits, fill=0.8)
        add("grow params", strategy, networks=True, constraints=("macs<=1e6",), grow="params=3e3,1e4,3e4")
        add("grow blocks", strategy, networks=True, constraints=limits, grow="blocks=1,2,4")
        add("grow and fill", strategy, 4, networks=True, grow="macs=1e5,4e5,1e6", fill=0.8)
    return found


def results(folder: Path, name: str) -> list[list[Any]]:
    """Return the values of ``KEYS`` of each trial of a search, as JSON has them."""
    study = search(folder, *searches()[name])
    return json.loads(json.dumps([[record[key] for key in KEYS] for record in study.records]))


def versions() -> dict[str, str]:
    """Return the versions that proposals may depend on besides this library's."""
    return {"python": platform.python_version(), **{name: version(name) for name in ("numpy", "scipy", "hyperopt")}}


def main() -> None:
    """Writes the file, one line a trial."""
    blocks = []
    for name in searches():
        with tempfile.TemporaryDirectory() as folder:
            trials = results(Path(folder) / "results", name)
        rows = ",\n".join(f"   {json.dumps(trial, separators=(',', ':'))}" for trial in trials)
        blocks.append(f"  {json.dumps(name)}: [\n{rows}\n  ]")
    head = f' "versions": {json.dumps(versions())},\n "keys": {json.dumps(KEYS)},\n'
    text = ",\n".join(blocks)
    GOLDEN.write_text(f'{{\n{head} "searches": {{\n{text}\n }}\n}}\n')


if __name__ == "__main__":
    main()
