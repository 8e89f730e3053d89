"""Heads of a blueprint fitted to their outputs."""

from collections.abc import Mapping

from metaopt.blueprint import Blueprint, InvalidArchitecture
from metaopt.outputs.output import Output

_BOUNDED = {"labels": ("sigmoid", "hard_sigmoid")}


def fit_heads(blueprint: Blueprint, classes: Mapping[str, "int | Output"]) -> None:
    """Give heads that end in a softmax the activation of their output, unless they have classes.

    A network that is written for classes, ``Dense(n, activation="softmax")`` for each head, thus works for every kind
    whose output is a vector.

    Args:
        blueprint: its layers are changed; they were made for it.
        classes: what ``network`` got.

    Raises:
        InvalidArchitecture: The shape of a head is not that of its output, or the activation of a head with labels
            returns no probabilities.
    """
    for head, output in classes.items():
        node = blueprint.heads.get(head)
        if node is None or not isinstance(output, Output):
            continue
        if node.shape != output.shape:
            wanted, got = ("×".join(map(str, shape)) for shape in (output.shape, node.shape))
            raise InvalidArchitecture(
                "Blueprint", None, f"The head {head} is to have the shape {wanted} of its {output.kind}, got {got}."
            )
        activation = getattr(node.layer, "activation", None)
        if activation == "softmax":
            node.layer.activation = output.activation  # type: ignore[attr-defined]
        elif output.kind in _BOUNDED and activation not in _BOUNDED[output.kind]:
            raise InvalidArchitecture(
                "Blueprint", None, f"The head {head} has labels; give its last layer the activation sigmoid or softmax."
            )
