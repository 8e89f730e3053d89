"""Ray Tune: a function trainable that reports and checkpoints after each epoch, one trial at a time."""

import os
from collections.abc import Sequence
from typing import Any

from benchmarks.peers.parameters import PeerParameter
from benchmarks.searches.method import Method, Run, Trainer
from metaopt.spaces import Vals

ETA = 3
_ENDLESS = 10_000  # trials; the time limit ends the search
METRIC = "val_accuracy"


def make_space(parameters: Sequence[PeerParameter]) -> dict[str, Any]:
    """Return the space of Ray Tune: a flat dict. Inactive parameters are drawn, too, and have no effect."""
    return {one.label: _domain(one) for one in parameters}


def _domain(one: PeerParameter) -> Any:
    from ray import tune

    if one.kind == "categorical":
        return tune.choice(list(one.options))
    if one.kind == "integer":
        draw = tune.lograndint if one.log else tune.randint
        return draw(int(one.low), int(one.high) + 1)  # the upper bound is exclusive
    return tune.loguniform(one.low, one.high) if one.log else tune.uniform(one.low, one.high)


def _tune(run: Run, space: dict[str, Any], config: Any) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ["TUNE_DISABLE_STRICT_METRIC_CHECKING"] = "1"  # a trial whose network is invalid reports no metric
    import ray
    from ray import tune

    from benchmarks.searches.keras_training import Arrays

    ray.init(
        num_cpus=1,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="warning",
        _temp_dir=str(run.folder / "ray"),  # deleted with the search
    )
    trainable = tune.with_parameters(_train_one, run=run, arrays=Arrays.of(run.loaded))
    checkpoints = tune.CheckpointConfig(num_to_keep=1, checkpoint_score_attribute=METRIC)
    tune.Tuner(
        trainable,
        param_space=space,
        tune_config=config,
        run_config=tune.RunConfig(
            name="ray_tune", storage_path=str(run.folder), verbose=0, checkpoint_config=checkpoints
        ),
    ).fit()
    ray.shutdown()


def _train_one(config: dict[str, Any], run: Run, arrays: Any) -> None:
    import keras
    from ray import tune
    from ray.tune.integration.keras import TuneReportCheckpointCallback

    from benchmarks.searches.keras_training import fit
    from metaopt.blueprint import InvalidArchitecture

    name = tune.get_context().get_trial_id()
    keras.utils.set_random_seed(run.seed)
    try:
        fit(run.loaded, arrays, _recorder(run), name, config, run.epochs, (TuneReportCheckpointCallback(),))
    except InvalidArchitecture:
        # Ends without a report, so that ASHA does not count it. An exception would end the actor, too.
        run.recorder.failed()


_recorders: list[Any] = []


def _recorder(run: Run) -> Any:
    """Return the recorder of this worker, which trains all trials and knows the best epoch so far."""
    if not _recorders:
        _recorders.append(run.recorder)
    return _recorders[0]


def _search(run: Run) -> None:
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.basic_variant import BasicVariantGenerator

    config = tune.TuneConfig(
        metric=METRIC,
        mode="max",
        search_alg=BasicVariantGenerator(random_state=run.seed, max_concurrent=1),
        scheduler=ASHAScheduler(max_t=run.epochs, grace_period=1, reduction_factor=ETA),
        num_samples=_ENDLESS,
        reuse_actors=True,
    )
    _tune(run, make_space(run.loaded.parameters), config)


def _train(run: Run, networks: Sequence[Vals]) -> None:
    """Train a list of networks: the points to evaluate first."""
    from ray import tune
    from ray.tune.search.basic_variant import BasicVariantGenerator

    points = [dict(vals) for vals in networks]
    config = tune.TuneConfig(
        metric=METRIC,
        mode="max",
        search_alg=BasicVariantGenerator(points_to_evaluate=points, max_concurrent=1),
        num_samples=len(points),
        reuse_actors=True,
    )
    _tune(run, make_space(run.loaded.parameters), config)


_PACKAGES = ("ray", "keras", "tensorflow")
_MODULES = ("tensorflow", "ray.tune", "benchmarks.searches.keras_training")
_NOTE = (
    "One trial at a time, in an actor that is reused; TuneReportCheckpointCallback reports and checkpoints after each"
    " epoch, and the best checkpoint of a trial is kept."
)
METHODS = {
    "Ray Tune ASHA": Method(
        _PACKAGES,
        _MODULES,
        _search,
        f"{_NOTE} Random search with ASHA, η 3 from 1 epoch. A trial whose network is invalid ends without a report.",
    )
}
TRAINERS = {"Ray Tune": Trainer(_PACKAGES, _MODULES, _train, f"{_NOTE} The networks are points_to_evaluate.")}
