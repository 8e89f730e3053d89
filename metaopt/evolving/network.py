"""Description of a network for evolution while training: its hyperparameters, without Keras."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from metaopt.evolving.hyperparameters import BATCH_SIZE, Configuration, Hyperparameter, Value
from metaopt.spaces import Vals


@dataclass(frozen=True)
class Network:
    """Hyperparameters of one network that may change while it trains.

    Attributes:
        hyperparameters: all of them; those that a network has not, such as dropout, are missing.
        tasks: output → its task: ``classes``, ``labels``, ``numbers`` or ``other``.
        notes: what is left alone, for the user.
    """

    hyperparameters: tuple[Hyperparameter, ...]
    tasks: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @cached_property
    def by_label(self) -> dict[str, Hyperparameter]:
        """Label → hyperparameter."""
        return {each.label: each for each in self.hyperparameters}

    @property
    def initial(self) -> dict[str, Value]:
        """The configuration of the user's model."""
        return {each.label: each.initial for each in self.hyperparameters}

    def of_kind(self, kind: str) -> list[Hyperparameter]:
        """Return the hyperparameters of a kind, e.g. the activations of all layers."""
        return [each for each in self.hyperparameters if each.kind == kind]

    def space(self) -> dict[str, Any]:
        """Return the search space: a hyperopt expression whose points are configurations."""
        return {each.label: each.expression() for each in self.hyperparameters}

    def vals(self, configuration: Configuration, parent: int | None = None) -> Vals:
        """Return the draw of the space that gives a configuration.

        Args:
            configuration: the configuration.
            parent: number of the trial that it descends from.

        Raises:
            ValueError: A hyperparameter is missing or unknown, or has a value that it cannot have.
        """
        if configuration.keys() != self.by_label.keys():
            odd = sorted(configuration.keys() ^ self.by_label.keys())
            raise ValueError(f"its hyperparameters are not those of the network: {', '.join(odd)}")
        numbers = {label: each.to_number(configuration[label]) for label, each in self.by_label.items()}
        return Vals(numbers, parent=parent)

    def configuration(self, point: Mapping[str, Any]) -> dict[str, Value]:
        """Return the configuration of a point of the space."""
        found = {label: point[label] for label in self.by_label}
        if BATCH_SIZE in found:
            found[BATCH_SIZE] = round(found[BATCH_SIZE])
        return found

    def read(self, vals: Mapping[str, float]) -> dict[str, Value]:
        """Return the configuration of a draw of the space."""
        return self.configuration(
            {
                label: each.options[int(vals[label])] if each.options else vals[label]
                for label, each in self.by_label.items()
            }
        )
