"""A parameter of a space, and values of parameters."""

from collections.abc import Mapping
from dataclasses import dataclass

from metaopt.spaces.conditions import Conditions
from metaopt.spaces.distributions import Distribution


class Vals(dict[str, float]):
    """A draw: label → value, active labels only; a choice's value is the index of its option.

    Ints for choices, ``randint`` and ``uniformint``, floats for the rest. It is what ``hyperopt.space_eval`` accepts.

    Attributes:
        model_based: whether a model of earlier trials proposed it, rather than the prior.
        parent: the trial that it descends from, or None.
    """

    __slots__ = ("model_based", "parent")

    def __init__(
        self, values: Mapping[str, float] | None = None, *, model_based: bool = False, parent: int | None = None
    ) -> None:
        super().__init__({} if values is None else values)
        self.model_based = model_based
        self.parent = parent


@dataclass(frozen=True)
class Parameter:
    """One ``hp.*`` of a space.

    Attributes:
        label: its first argument.
        distribution: its prior.
        conditions: the parameter is active if one of these holds: each a set of (label of a choice, index of its
            option), all of which must have been picked.
    """

    label: str
    distribution: Distribution
    conditions: Conditions

    @property
    def kind(self) -> str:
        """Name of the distribution as in ``hp``, e.g. ``"qloguniform"``."""
        return self.distribution.name

    @property
    def args(self) -> tuple[float, ...]:
        """Arguments of the distribution, see ``Distribution``."""
        return self.distribution.args

    @property
    def upper(self) -> int | None:
        """Number of options of a choice, else None."""
        return self.distribution.upper
