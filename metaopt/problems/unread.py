"""Hyperparameters without effect: keys that nothing reads, and loss weights of heads that the data do not have.

Networks and training configurations are compared without training: each hyperparameter that is not read by its own
name, e.g. by ``Training.from_point({**point})``, is varied in a few points. One that changes neither the network nor
the training has no effect.
"""

from collections.abc import Collection
from dataclasses import dataclass, fields, replace

from metaopt.blueprint import InvalidArchitecture
from metaopt.errors import UserError, nearest
from metaopt.problems.problem import Classes, Problem
from metaopt.problems.reads import Reads
from metaopt.problems.training_config import Training
from metaopt.randomness import make_generator
from metaopt.spaces import Space, Vals
from metaopt.spaces.nodes import Choice, Dict, Node, Value, get_children
from metaopt.spaces.point_key import point_key

POINTS = 100  # from the prior; a key that is read in one of twenty points is missed in one of 170 searches
VARIATIONS = 8  # of each hyperparameter in doubt

# Names that other programs use, with the key that Training reads.
_OTHER_NAMES = {
    "lr": "learning_rate",
    "eta": "learning_rate",
    "batch": "batch_size",
    "bs": "batch_size",
    "wd": "weight_decay",
    "optim": "optimizer",
    "optimiser": "optimizer",
    "smoothing": "label_smoothing",
    "scheduler": "schedule",
}
_SETTINGS = {"epochs": "epochs", "n_epochs": "epochs", "num_epochs": "epochs", "nb_epochs": "epochs", "seed": "seed"}


@dataclass(frozen=True)
class Unread:
    """Hyperparameters without effect, as paths in the point.

    Attributes:
        keys: those that neither network nor training reads.
        of_absent_heads: those that only weight the loss of heads that the data do not have.
    """

    keys: tuple[str, ...] = ()
    of_absent_heads: tuple[str, ...] = ()


def find_unread(space: Space, problem: Problem, input_shape: tuple[int, ...], classes: Classes) -> Unread:
    """Find the hyperparameters of a problem with ``network`` that have no effect on data of a kind.

    Args:
        space: the compiled space.
        problem: has ``network``, and no training of its own, which could read more.
        input_shape: (height, width, channels).
        classes: head → number of classes.
    """
    heads, by_network, by_training = set(classes), Reads(), Reads()
    absent = False
    draws = [space.draw(make_generator(0, number, "unread")) for number in range(POINTS)]
    for vals in draws:
        point = space.point(vals)
        try:
            training = problem.training(by_training.record(point))
            absent = absent or bool(set(training.loss_weights) - heads)
            problem.blueprint(by_network.record(point), input_shape, classes)
        except (InvalidArchitecture, UserError):
            continue  # what was read before counts
    paths = find_paths(space.root)
    labels = {label: places for label, places in paths.items() if places}
    read = by_network.read | by_training.read

    def signature(vals: Vals) -> str | None:
        point = space.point(vals)
        try:
            blueprint = problem.blueprint(point, input_shape, classes)
            training = problem.training(point)
        except (InvalidArchitecture, UserError):
            return None
        weights = {head: weight for head, weight in training.loss_weights.items() if head in heads}
        described = point_key(replace(training, loss_weights=weights).to_plain())
        return f"{'' if blueprint is None else blueprint.hash} {described}"

    def acts(label: str) -> bool:
        """Return whether another value of a hyperparameter changes anything in some points."""
        able = [vals for vals in draws if label in vals]
        for number, vals in enumerate(able[:VARIATIONS]):
            other = able[(number + 1) % len(able)]
            changed = space.complete({**vals, label: other[label]}, make_generator(0, number, "unread variation"))
            before, after = signature(vals), signature(changed)
            if before != after or before is None:
                return True
        return not able

    keys, of_heads = set(), set()
    for label, places in labels.items():
        if not places & read:
            if not (places & (by_network.copied | by_training.copied)) or not acts(label):
                keys |= places
        elif absent and not places & (by_network.read | by_network.copied) and not acts(label):
            of_heads |= places
    return Unread(_topmost(keys), _topmost(of_heads))


def find_paths(root: Node) -> dict[str, set[str]]:
    """Return label → the keys that hold it, as paths in the point; items of a sequence have no number."""
    found: dict[str, set[str]] = {}
    pending: list[tuple[Node, str]] = [(root, "")]
    seen: set[tuple[int, str]] = set()
    while pending:
        node, path = pending.pop()
        if (id(node), path) in seen:  # nodes are shared by the options of a choice
            continue
        seen.add((id(node), path))
        if isinstance(node, Choice | Value):
            found.setdefault(node.label, set()).update([path] if path else [])
        if isinstance(node, Dict):
            pending += [(child, f"{path}.{key}" if path else str(key)) for key, child in node.items]
        else:
            pending += [(child, path) for child in get_children(node)]
    return found


def describe_unread(unread: Unread, known: Collection[str], where: str = "network and training") -> list[str]:
    """Return sentences on hyperparameters without effect.

    Args:
        unread: the hyperparameters.
        known: keys that are read, one of which may be meant.
        where: what was looked at.
    """
    notes = []
    if unread.keys:
        names = _join(unread.keys)
        notes.append(
            f"Nothing reads {names} of the space: {where} ignore the key{'s' if len(unread.keys) > 1 else ''}, so other"
            f" values have no effect.{''.join(f' {hint}' for key in unread.keys if (hint := _hint(key, known)))}"
        )
    if unread.of_absent_heads:
        notes.append(
            f"{_join(unread.of_absent_heads)} of the space has no effect on these data: it weights the loss of a head"
            " that they do not have. Figures leave it out."
        )
    return notes


def _hint(key: str, known: Collection[str]) -> str:
    name = key.rpartition(".")[2].lower()
    if name in _SETTINGS:
        return f"'{key}' is a setting of the search ({_SETTINGS[name]}), not of a point."
    fields_of_training = [field.name for field in fields(Training)]
    near = _OTHER_NAMES.get(name) or nearest(name, [*fields_of_training, *known])
    return "" if near is None or near == name else f"Did you mean '{near}' instead of '{key}'?"


def _join(keys: Collection[str]) -> str:
    shown = [f"'{key}'" for key in sorted(keys)]
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def _topmost(keys: set[str]) -> tuple[str, ...]:
    return tuple(sorted(key for key in keys if not any(key.startswith(f"{other}.") for other in keys)))
