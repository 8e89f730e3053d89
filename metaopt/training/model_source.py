"""Compiled models of one trial: new ones, or that of an earlier training with an equal network."""

from collections.abc import Sequence

import keras

from metaopt.data import Fold
from metaopt.engine.jobs import NO_WEIGHTS, Job
from metaopt.problems.training_config import COSINE, COSINE_RUNG, Training
from metaopt.randomness import derive_seed
from metaopt.training import global_state
from metaopt.training.batches import steps_per_epoch
from metaopt.training.compiled_models import CompiledModels, make_key
from metaopt.training.compiling import Cycles
from metaopt.training.network_builder import NetworkBuilder
from metaopt.training.schedule import CyclesInSeconds
from metaopt.training.variables import build_optimizer


class ModelSource:
    """Builds or reuses the compiled models of a trial.

    Args:
        builder: builds its network.
        training: optimizer, losses and schedule.
        epochs: number of epochs after this training.
        folds: images of each fold.
        job: the training.
        compiled_models: models of earlier trainings; None to build each model anew, and to keep none.
        start: epochs of the trial before the first one of these models, as in a later stage.

    Attributes:
        is_compiled: whether ``first`` returned a model of an earlier training: its steps are compiled, and its
            variables are arbitrary.
    """

    def __init__(
        self,
        builder: NetworkBuilder,
        training: Training,
        epochs: int,
        folds: Sequence[Fold],
        job: Job,
        compiled_models: CompiledModels | None,
        start: int = 0,
    ) -> None:
        self.is_compiled = False
        self._builder = builder
        self._training = training
        self._job = job
        self._steps = steps_per_epoch(len(folds[0].train), training.batch_size)
        self._cycles = _find_cycles(training, start, epochs, job)
        self._compiled_models = compiled_models
        self._key: str | None = None
        if compiled_models is not None and builder.blueprint is not None:
            settings = {**global_state.describe_precision(), "epsilon": keras.config.epsilon()}
            settings["image_data_format"] = keras.config.image_data_format()
            if job.options.class_weights != NO_WEIGHTS:
                settings["class_weights"] = job.options.class_weights
            schedule = self._steps, self._cycles
            self._key = make_key(builder.blueprint, training, schedule, folds, builder.data.classes, settings)

    def first(self) -> keras.Model:
        """Return the model of the first fold."""
        model = None
        if self._compiled_models is not None and self._key is not None:
            model = self._compiled_models.take(self._key)
        if model is None:
            return self.build(0)
        self.is_compiled = True
        self._seed(0)
        return model

    def build(self, fold: int) -> keras.Model:
        """Return a new model of a fold, with initial weights that do not depend on the worker's earlier trials."""
        self._seed(fold)
        model = self._builder.compile(self._training, self._steps, self._cycles)
        build_optimizer(model)
        return model

    def keep(self, model: keras.Model) -> None:
        """Keep a model whose steps are compiled for later trainings."""
        if self._compiled_models is not None and self._key is not None:
            self._compiled_models.keep(self._key, model)

    def _seed(self, fold: int) -> None:
        seed = derive_seed(self._job.options.seed, self._job.trial, "initialise", fold)
        is_known = self._key is not None
        if self._compiled_models is not None and not is_known:
            # The kernels of other models are cleared. Optimising them again would count as training in an epoch.
            self._compiled_models.clear()
        global_state.set_random_seed(seed, keeps_kernels=is_known)


def _find_cycles(training: Training, start: int, epochs: int, job: Job) -> Cycles:
    """Return the cycles of the learning-rate schedule."""
    if job.options.unit == "seconds" and training.schedule == COSINE:
        return CyclesInSeconds(job.options.first_cycle_s, job.options.cycle_factor)
    ends = job.rung_levels if job.rung_levels and training.schedule != COSINE_RUNG else (epochs,)
    return ends if start == 0 else tuple(end - start for end in ends if end > start)
