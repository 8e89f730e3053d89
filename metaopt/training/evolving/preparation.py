"""Preparation of an evolution while training: the model and the data that the user gave, checked and described."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from metaopt.engine.checkpoints import Checkpoints
from metaopt.engine.job_factory import identify
from metaopt.engine.jobs import ForkOf
from metaopt.errors import invalid_value
from metaopt.evolving.archive_names import FINAL, MODELS
from metaopt.problems.augmentation_check import check_augmentation
from metaopt.problems.augmentation_policy import AugmentationPolicy
from metaopt.problems.training_config import Training
from metaopt.storage.study import Study
from metaopt.training.evolving.archives import write_archive
from metaopt.training.evolving.checks import check_examples, check_model
from metaopt.training.evolving.description import losses_by_output
from metaopt.training.evolving.examples import TrainingData, read_data
from metaopt.training.evolving.identity import identify_model
from metaopt.training.evolving.initial_state import with_stored_state
from metaopt.training.evolving.recipe import Recipe
from metaopt.training.evolving.result import load_network
from metaopt.training.evolving.trainer import EvolvingTrainer
from metaopt.trials.trial import Trial


@dataclass(frozen=True)
class Prepared:
    """A model and its data.

    Attributes:
        recipe: the model as data.
        data: its examples.
        identity: text that identifies the model.
    """

    recipe: Recipe
    data: TrainingData
    identity: str

    def with_stored_state(self, folder: Path, note: Callable[[str], None]) -> Recipe:
        """Return the recipe with the weights that the study began with.

        Raises:
            UserError: They are damaged.
        """
        recipe, is_other = with_stored_state(self.recipe, folder)
        if is_other:
            note(f"The study in {folder} began from other weights than those of the model: these are used.")
        return recipe

    def trainer(self, executor: str, *, writes_archives: bool) -> EvolvingTrainer:
        """Return the trainer; workers in other processes load a data set themselves."""
        data_set = self.data.data_set
        data = self.data if executor == "inline" or data_set is None else data_set.spec
        return EvolvingTrainer(self.recipe, data, writes_archives=writes_archives)

    def load(self, recipe: Recipe, study: Study, trial: Trial) -> keras.Model:
        """Return the network of a trial.

        Raises:
            RuntimeError: Its checkpoint is gone.
        """
        directory = Checkpoints(study.folder, "needed").directory(trial.number)
        point = {name: trial.point[name] for name in recipe.network.by_label}
        return load_network(recipe, ForkOf(trial.number, directory, trial.epochs, identify(study.state, trial), point))

    def write_final(self, recipe: Recipe, model: keras.Model, folder: Path) -> None:
        """Write the final network's archive, unless it is there.

        Raises:
            ResultsNotWritable: It cannot be written.
        """
        path = folder / MODELS / FINAL
        if not path.exists():
            write_archive(model, recipe, path)


def prepare(model: Any, data: Any, batch_size: int | None, policy: AugmentationPolicy | None = None) -> Prepared:
    """Return a model and its data, checked.

    Args:
        model: a compiled Keras model.
        data: see ``read_data``.
        batch_size: batch size, or None for that of the data.
        policy: augmentation of the training images, or None; its mixup and CutMix are left out, because the model may
            be compiled for class indices.

    Raises:
        UserError: there is a policy, and the data are no images of a data set; see also ``check_model``, ``read_data``
            and ``check_examples``.
    """
    if batch_size is not None and (isinstance(batch_size, bool) or int(batch_size) != batch_size or batch_size < 1):
        raise invalid_value("batch_size", batch_size, "Expected an integer >= 1.")
    check_model(model)
    examples = read_data(data, model, batch_size)
    if policy is not None:
        if examples.data_set is None:
            raise invalid_value(
                "augmentation", "a policy", "Expected None for arrays: a policy needs a data set of metaopt.data."
            )
        check_augmentation(Training(augmentation=policy), holds_images=examples.data_set.noun == "image")
        policy = policy.without_mixing()
    recipe = Recipe.of(model, examples.batch_size, len(examples.train), policy)
    check_examples(model, losses_by_output(model), recipe.network.tasks, examples.train)
    return Prepared(recipe, examples, identify_model(recipe))
