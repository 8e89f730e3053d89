"""Trainer of an evolution while training: one member, fixing training or crossover after the other."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from metaopt.data import DataSpec, load
from metaopt.engine.jobs import Failed, Finished, Job, Message, TrainingOptions, TrainingRequest
from metaopt.evolving.hyperparameters import BATCH_SIZE
from metaopt.training import backend, global_state
from metaopt.training.compiled_models import MOST_MODELS, CompiledModels


class EvolvingTrainer:
    """Trains copies of one model under configurations that change.

    Args:
        recipe: builds the copies.
        data: examples; or the specification of a data set, which each worker loads.
        writes_archives: whether each network is written as a ``.keras`` file, into its checkpoint directory.

    Attributes:
        recipe: builds the copies; it may be replaced until the workers start.
    """

    name = "The model"  # in messages

    def __init__(self, recipe: Any, data: Any, *, writes_archives: bool = True) -> None:
        self.recipe = recipe
        self._data = data
        self._writes_archives = writes_archives
        self._models = CompiledModels()
        self._n_built = 0

    def setup(self, options: TrainingOptions) -> None:
        """Import Keras and its backend, and load the data set, if there is one.

        Raises:
            UserError: The backend cannot train, or the data cannot be loaded.
        """
        import keras

        policy = keras.config.dtype_policy()  # the user's, in whose process this may run
        backend.prepare(None, options.deterministic)
        keras.config.set_dtype_policy(policy)
        if isinstance(self._data, DataSpec):
            from metaopt.training.evolving.examples import of_data_set

            model = self.recipe.build(self.recipe.network.initial)
            self._data = of_data_set(load(self._data), model, int(self.recipe.network.initial[BATCH_SIZE]))

    def train(self, job: Job, report: Callable[[Message], bool]) -> Finished | Failed:
        """Train one job.

        Raises:
            EnvironmentFault: A file could not be read or written.
        """
        from metaopt.training.evolving.training import train_member

        began = time.monotonic()
        request = TrainingRequest(job, report, self._models)
        configuration = self.recipe.network.configuration(job.point)
        key = self.recipe.key(configuration)
        model = self._models.take(key)
        is_new = model is None
        self._n_built += is_new
        with _session(is_new=is_new, collects=self._n_built % MOST_MODELS == 0):
            try:
                trained = train_member(
                    self.recipe, configuration, self._data, request, model, writes_archive=self._writes_archives
                )
            except OSError as error:
                from metaopt.training.batches import cannot_train

                raise cannot_train(error, f"Trial {job.trial} raised {type(error).__name__}") from error
            self._models.keep(key, trained.model)
        seconds = time.monotonic() - began
        if trained.failure is not None:
            return Failed(job.trial, "diverged", trained.failure, seconds=seconds)
        info = {**backend.describe(), "params": trained.params, **trained.info}
        return Finished(job.trial, complete=not trained.is_stopped, seconds=seconds, info=info)


@contextlib.contextmanager
def _session(*, is_new: bool, collects: bool) -> Iterator[None]:
    """Leave the global state of Keras and NumPy as it is; at times, release what models that are gone have left."""
    with backend.clean_session(collects=collects) if is_new else global_state.preserved_numbers():
        yield
