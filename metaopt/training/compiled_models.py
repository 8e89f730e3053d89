"""Compiled models of recent trainings, kept in a worker's memory for later trainings of an equal network.

To build a network and to trace its steps takes seconds, often longer than the epochs of a rung. A trial that resumes,
and a new trial whose network differs in nothing that is compiled, train with the program of an earlier training. Every
variable is set: to those of the trial's checkpoint, or to those of a newly built model. The results are therefore those
of a training without the cache, bit for bit, and a worker that is killed loses time only.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from metaopt.blueprint import Blueprint
from metaopt.data import Fold
from metaopt.executors.hardware import cpu_count, worker_memory
from metaopt.problems.problem import Classes
from metaopt.problems.training_config import CONSTANT, Training
from metaopt.values.value_identity import describe_value, is_plain

MOST_MODELS = 8
MOST_BYTES = 512 * 2**20  # by ``estimate_bytes``
_SHARE = 0.1  # of the memory of a worker, if every core has one
_LAYER_BYTES = 850_000  # of the traced steps of a layer with Keras on TensorFlow, about
_OWN_LAYERS = ("metaopt.blueprint.", "metaopt.backbones.")


class CompiledModels:
    """Compiled models by key, the last ones that were used.

    Args:
        most_models: largest number of models.
        most_bytes: largest sum of their estimated memory; None for a tenth of a worker's, at most 512 MiB.
    """

    def __init__(self, most_models: int = MOST_MODELS, most_bytes: int | None = None) -> None:
        self._most_models = most_models
        self._most_bytes = most_bytes
        self._models: OrderedDict[str, tuple[Any, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._models)

    @property
    def bytes(self) -> int:
        """Estimated memory of the models in bytes."""
        return sum(size for _, size in self._models.values())

    def take(self, key: str) -> Any:
        """Remove and return the model with this key, whose variables are arbitrary; None if there is none."""
        model, _ = self._models.pop(key, (None, 0))
        return model

    def clear(self) -> None:
        """Drop all models."""
        self._models.clear()

    def keep(self, key: str, model: Any) -> None:
        """Store a model whose steps are compiled, and drop those that were not used for longest."""
        if self._most_bytes is None:
            self._most_bytes = min(MOST_BYTES, int(_SHARE * worker_memory(cpu_count())))
        self._models[key] = model, estimate_bytes(model)
        while self._models and (len(self._models) > self._most_models or self.bytes > self._most_bytes):
            self._models.popitem(last=False)


def estimate_bytes(model: Any) -> int:
    """Return the memory that a compiled Keras model takes, its optimizer and its traced steps included, in bytes."""
    from metaopt.training.variables import count_bytes

    return count_bytes(model)[0] + _LAYER_BYTES * len(model.layers)


def make_key(
    blueprint: Blueprint,
    training: Training,
    schedule: Any,
    folds: Sequence[Fold],
    classes: Classes,
    settings: Mapping[str, Any],
) -> str | None:
    """Return the text of all that decides a compiled model; models of equal keys differ in their variables only.

    Args:
        blueprint: the network.
        training: optimizer and losses. The learning rate does not count where it is constant: it is a variable then.
        schedule: what decides the learning-rate schedule, if it is not constant.
        folds: images; their numbers decide the sizes of batches, for which steps are compiled.
        classes: head → number of classes, or output.
        settings: settings of Keras that a model depends on.

    Returns:
        None if the network has layers that a user defined, or arguments that are no plain values: a text may not tell
        all about them.
    """
    is_constant = training.schedule == CONSTANT
    others = ("extra", "options", "augmentation")
    optimizer = {name: value for name, value in vars(training).items() if name not in others}
    optimizer |= {"has_soft_labels": training.has_soft_labels}  # which decides the losses
    optimizer |= {"learning_rate": None if is_constant else training.learning_rate}
    optimizer |= {"loss_weights": dict(training.loss_weights), "options": dict(training.options)}
    layers = {layer: number for number, layer in enumerate(blueprint.layers)}
    nodes = {node: number for number, node in enumerate(blueprint.nodes)}
    configurations = [(layer.kind, layer.name, layer.config) for layer in layers]
    is_known = all(type(layer).__module__.startswith(_OWN_LAYERS) for layer in layers)
    if not is_known or not is_plain([optimizer, configurations]):
        return None
    return describe_value(
        [
            configurations,
            [(layers[node.layer], node.shape, [nodes[each] for each in node.inputs]) for node in nodes],
            [nodes[node] for node in blueprint.inputs],
            [(head, nodes[node]) for head, node in blueprint.heads.items()],
            blueprint.named,
            optimizer,
            None if is_constant else schedule,
            [(len(fold.train), len(fold.validation)) for fold in folds],
            [(head, int(each) if isinstance(each, int) else each.describe()) for head, each in classes.items()],
            sorted(settings.items()),
        ]
    )
