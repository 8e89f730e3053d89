"""Ray Tune's population-based training over the same choices, with one worker as all methods.

Ray has one CPU, so that the members take turns after each interval, in one actor, which is kept: Keras is imported
once.
"""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import ray
from ray import tune
from ray.tune.schedulers import PopulationBasedTraining
from ray.tune.search.basic_variant import BasicVariantGenerator

from benchmarks.evolve.run_context import Order, Run

_POPULATION = 4  # as that of evolve
_INTERVALS = 10  # comparisons in the training of a member
_STATE = "state.npz"
_OBJECT_STORE = 200_000_000  # bytes; without a limit, sixteen runs on one machine would take all of its memory


class Member(tune.Trainable):
    """Training of one member, an epoch a step."""

    def setup(self, config: dict[str, Any], order: dict[str, Any], epochs: int) -> None:
        """Load the data and build the network."""
        os.sched_setaffinity(0, {order["core"]})
        self._run = Run.begin(Order(**order), epochs)
        self._run.recorder.begin()
        self._build(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Become another member."""
        self._build(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Train for one epoch."""
        try:
            loss = self._run.train_epoch(self._model, self._choices)
        except KeyboardInterrupt:  # the budget is spent
            return {"val_loss": 1e9, "done": True}
        return {"val_loss": min(loss, 1e9)}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Write weights and the state of the optimizer."""
        optimizer = [np.asarray(keras.ops.convert_to_numpy(each)) for each in self._model.optimizer.variables]
        arrays = {f"w{number}": array for number, array in enumerate(self._model.get_weights())}
        arrays |= {f"o{number}": array for number, array in enumerate(optimizer)}
        np.savez(Path(checkpoint_dir, _STATE), optimizer=np.array(self._choices["optimizer"]), **arrays)

    def load_checkpoint(self, checkpoint: str) -> None:
        """Read the weights, and the state of the optimizer where it is the same."""
        with np.load(Path(checkpoint, _STATE)) as arrays:
            self._model.set_weights([arrays[f"w{number}"] for number in range(len(self._model.get_weights()))])
            variables = self._model.optimizer.variables
            stored = [arrays[name] for name in arrays.files if name.startswith("o") and name != "optimizer"]
            fits = [each.shape for each in stored] == [tuple(each.shape) for each in variables]
            if str(arrays["optimizer"]) == self._choices["optimizer"] and fits:
                rate = float(keras.ops.convert_to_numpy(self._model.optimizer.learning_rate))
                for variable, array in zip(variables, stored, strict=True):
                    variable.assign(array)
                self._model.optimizer.learning_rate = rate

    def _build(self, config: dict[str, Any]) -> None:
        self._choices = dict(config)
        keras.utils.set_random_seed(self._run.order.seed)
        self._model = self._run.task.build(self._choices)
        self._model.optimizer.build(self._model.trainable_variables)


class OutOfBudget(tune.Stopper):
    """Stops all members once the budget is spent."""

    def __init__(self, run: Run) -> None:
        self._recorder = run.recorder

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Return whether one member stops."""
        del trial_id, result
        return self._recorder.is_over

    def stop_all(self) -> bool:
        """Return whether all stop."""
        return self._recorder.is_over


def train_population(run: Run) -> None:
    """Train a population."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    root = str(Path(__file__).resolve().parents[3])
    environment = {"env_vars": {"PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}}
    quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
    ray.init(num_cpus=1, object_store_memory=_OBJECT_STORE, runtime_env=environment, **quiet)
    epochs = max(1, run.epochs // _POPULATION)
    scheduler = PopulationBasedTraining(
        time_attr="training_iteration",
        metric="val_loss",
        mode="min",
        perturbation_interval=max(1, epochs // _INTERVALS),
        hyperparam_mutations={name: _domain(choice) for name, choice in run.task.choices.items()},
    )
    order = asdict(run.order)
    tuner = tune.Tuner(
        tune.with_parameters(Member, order=order, epochs=run.epochs),
        param_space={name: _domain(choice, as_space=True) for name, choice in run.task.choices.items()},
        tune_config=tune.TuneConfig(
            scheduler=scheduler,
            num_samples=_POPULATION,
            reuse_actors=True,
            search_alg=BasicVariantGenerator(
                points_to_evaluate=[{name: run.task.start[name] for name in run.task.choices}],
                random_state=run.order.seed,
            ),
        ),
        run_config=tune.RunConfig(
            storage_path=str(Path(run.order.folder, "ray").resolve()), stop=OutOfBudget(run), verbose=0
        ),
    )
    found = tuner.fit()
    ray.shutdown()
    if found.errors:
        raise found.errors[0]


def _domain(choice: Any, *, as_space: bool = False) -> Any:
    if choice.options:
        return tune.choice(list(choice.options)) if as_space else list(choice.options)
    return (tune.loguniform if choice.is_logarithmic else tune.uniform)(choice.low, choice.high)
