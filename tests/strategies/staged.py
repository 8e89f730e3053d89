"""A search over networks with a backbone whose trainings have two stages, on a virtual clock."""

from pathlib import Path

from hyperopt import hp

from metaopt.backbones.layer import Backbone
from metaopt.blueprint import Blueprint, Dense, GlobalAveragePooling2D, Input
from metaopt.engine.callbacks import Callback
from metaopt.engine.jobs import Job
from metaopt.engine.settings import resolve
from metaopt.engine.setup import ImageKind, open_study
from metaopt.engine.setup import search as run_search
from metaopt.executors.simulated import Simulated
from metaopt.problems import Problem, Training
from metaopt.problems.training_config import FineTuning
from metaopt.storage.files import Unsynced
from metaopt.storage.state import StudyState
from metaopt.storage.study import Study

HEAD_EPOCHS = 10
EPOCHS = 30
FEATURES_S = 8.0  # of the features that a stage needs
STEP_S = 0.2  # an epoch on features
MACS_PER_S = 2e6  # of the tuned part: its MACs for one image by the seconds of an epoch
MACS = {64: 32_000_000, 128: 128_000_000}
SPACE = {
    "size": hp.choice("size", list(MACS)),
    "tuning": hp.choice("tuning", [{"share": 0.0}, {"share": hp.uniform("share", 0.1, 1.0)}]),
    "rate": hp.loguniform("rate", -9, -3),
}


def make_part(begin: float, end: float, macs: int, *, is_tuned: bool) -> Backbone:
    """Return a part of an invented backbone, between two shares of its MACs."""
    shape = (8, 8, 3)
    counts = (100 * is_tuned, 100 * (not is_tuned), int((end - begin) * macs), 64)
    start = None if begin == 0 else str(begin)
    return Backbone("base", "digest", (8, 8), start, str(end), is_tuned, shape, shape, counts)


def network(point: dict, input_shape: tuple[int, ...], classes: dict) -> Blueprint:
    share, macs = point["tuning"]["share"], MACS[point["size"]]
    x = inputs = Input(input_shape)
    if share < 1:
        x = make_part(0, 1 - share, macs, is_tuned=False)(x)
    if share > 0:
        x = make_part(1 - share, 1, macs, is_tuned=True)(x)
    x = GlobalAveragePooling2D()(x)
    return Blueprint(inputs, {head: Dense(n, activation="softmax")(x) for head, n in classes.items()})


def training(point: dict) -> Training:
    head_epochs = HEAD_EPOCHS if point["tuning"]["share"] else 0
    return Training(learning_rate=point["rate"], fine_tuning=FineTuning(head_epochs, 1e-4))


PROBLEM = Problem(SPACE, network=network, training=training)


def epoch_seconds(point: dict, epoch: int) -> float:
    """Return the true seconds of an epoch, from 1."""
    share = point["tuning"]["share"]
    return STEP_S + (share * MACS[point["size"]] / MACS_PER_S if share and epoch > HEAD_EPOCHS else 0.0)


def curve(job: Job):
    """Yield a learning curve: tuning some of a backbone is worth more than the head alone, and larger images are."""
    point = job.point
    share, far = point["tuning"]["share"], 0.02 * (abs(point["rate"] ** 0.1 - 0.5) / 0.1) ** 2
    best = 0.6 + 0.03 * (point["size"] == 128) - far
    for epoch in range(1, EPOCHS + 1):
        tuned = max(0, epoch - HEAD_EPOCHS) if share else 0
        gain = 0.15 * (1 - (share - 0.5) ** 2) * (1 - 0.8**tuned) if share else 0.0
        value = best * (1 - 0.5**epoch) + gain
        yield {"val_accuracy": value, "val_loss": 1 - value}, epoch_seconds(point, epoch)


def setup_seconds(job: Job) -> float:
    """Return the seconds before the first epoch of a job, which computes features of each stage that it enters."""
    has_tuned = job.point["tuning"]["share"] > 0
    enters = has_tuned and job.start <= HEAD_EPOCHS < job.target_resource
    return 1.0 + FEATURES_S * enters


def search(folder: Path, *, trials: int = 20, seed: int = 0, seconds: float | None = None, **given) -> Study:
    """Run a search with the strategy auto."""
    executor = Simulated(curve, setup=setup_seconds)
    images, callback = ImageKind((8, 8, 3), {"label": 4}), Callback()
    defaults = {"sampler": "auto", "scheduler": "auto", "epochs": EPOCHS, "trials": trials, "seed": seed}
    settings = resolve(given, defaults, StudyState())
    opened = open_study(folder, PROBLEM, settings, callback, images=images, files=Unsynced(), clock=executor.clock)
    with opened as study:
        run_search(study, PROBLEM, settings, executor, callback, images, seconds, clock=executor.clock)
    return study
