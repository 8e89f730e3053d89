"""KerasTuner: its tuners with a ``HyperModel``, as its documentation shows; they train, validate and checkpoint."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from benchmarks.peers.adapters.keras_tuner_oracles import ETA, declare_parameters
from benchmarks.searches.method import Method, Run, Trainer
from metaopt.spaces import Vals

_ENDLESS = 10_000  # trials, iterations of Hyperband, failures in a row; the time limit ends the search


def _make_hypermodel(run: Run) -> Any:
    import keras
    import keras_tuner
    from keras_tuner.errors import FailedTrialError

    from benchmarks.searches.keras_training import EpochRecorder, build_model, own_vals
    from metaopt.blueprint import InvalidArchitecture

    class HyperModel(keras_tuner.HyperModel):
        """Builds and fits the networks of the task."""

        is_searching = False

        def build(self, hp: Any) -> keras.Model:
            values = declare_parameters(hp, run.loaded.parameters)
            if not self.is_searching:
                # A tuner begins with builds that tell it the parameters. It does not train them, and ends if a random
                # one of them is invalid.
                return keras.Sequential([keras.Input(run.loaded.data.input_shape)])
            try:
                self._model, self._batch_size = build_model(run.loaded, values)
            except InvalidArchitecture as error:
                run.recorder.failed()
                raise FailedTrialError(str(error)) from error
            return self._model

        def fit(self, hp: Any, model: keras.Model, *args: Any, callbacks: list[Any], **options: Any) -> Any:
            vals = own_vals(run.loaded, hp.values)
            name = _name(vals)
            run.recorder.trial(name, vals)
            own = [EpochRecorder(run.recorder, name), keras.callbacks.TerminateOnNaN()]
            return model.fit(*args, batch_size=self._batch_size, callbacks=[*own, *callbacks], **options)

    return HyperModel()


def _name(vals: Vals) -> str:
    """Return the identity of a configuration: Hyperband's promoted trials are new trials of KerasTuner."""
    return " ".join(f"{label}={value:g}" for label, value in sorted(vals.items()))


def _fit(run: Run, tuner: Any, **options: Any) -> None:
    from benchmarks.searches.keras_training import Arrays

    arrays = Arrays.of(run.loaded)
    tuner.hypermodel.is_searching = True
    validation = (arrays.x_validation, arrays.y_validation)
    tuner.search(arrays.x_train, arrays.y_train, validation_data=validation, verbose=0, **options)


def _common(run: Run) -> dict[str, Any]:
    import keras

    keras.utils.set_random_seed(run.seed)
    return {"directory": str(run.folder), "project_name": "keras_tuner"}


def _search(kind: str, run: Run) -> None:
    import keras_tuner

    common = _common(run) | {
        "hypermodel": _make_hypermodel(run),
        "objective": "val_accuracy",
        "seed": run.seed + 1,  # KerasTuner replaces the seed 0 by a random one
        "max_consecutive_failed_trials": _ENDLESS,
    }
    if kind == "hyperband":
        tuner = keras_tuner.Hyperband(max_epochs=run.epochs, factor=ETA, hyperband_iterations=_ENDLESS, **common)
        _fit(run, tuner)
    else:
        _fit(run, keras_tuner.BayesianOptimization(max_trials=_ENDLESS, **common), epochs=run.epochs)


def _train(run: Run, networks: Sequence[Vals]) -> None:
    """Train a list of networks: an oracle of one's own, as the documentation shows, proposes them."""
    import keras_tuner

    class GivenOracle(keras_tuner.Oracle):
        """Proposes the networks of the list."""

        def populate_space(self, trial_id: str) -> dict[str, Any]:  # noqa: ARG002
            number = len(self.trials)
            if number == len(networks):
                return {"status": "STOPPED"}
            return {"status": "RUNNING", "values": dict(networks[number])}

    oracle = GivenOracle(objective="val_accuracy", seed=run.seed + 1)
    tuner = keras_tuner.Tuner(oracle, _make_hypermodel(run), **_common(run))
    _fit(run, tuner, epochs=run.epochs)


_PACKAGES = ("keras-tuner", "keras", "tensorflow")
_MODULES = ("tensorflow", "keras_tuner", "benchmarks.searches.keras_training")
_NOTE = (
    "A HyperModel with conditional scopes. An invalid network is a failed trial (FailedTrialError); their number in a"
    " row is not limited. KerasTuner saves the weights of each trial's best epoch."
)
METHODS = {
    "KerasTuner Hyperband": Method(
        _PACKAGES,
        _MODULES,
        partial(_search, "hyperband"),
        f"{_NOTE} Factor 3; promoted trials resume from their weights.",
    ),
    "KerasTuner Bayesian": Method(_PACKAGES, _MODULES, partial(_search, "bayesian"), f"{_NOTE} Full trainings."),
}
TRAINERS = {"KerasTuner": Trainer(_PACKAGES, _MODULES, _train, "The base Tuner with an Oracle that proposes the list.")}
