"""Parameters of a space, and draws of their values."""

from collections.abc import Mapping
from dataclasses import dataclass

from metaopt.spaces.conditions import Conditions
from metaopt.spaces.distributions import Distribution


class Vals(dict[str, float]):
    """A draw: label → value for the active labels. ``hyperopt.space_eval`` accepts it.

    The value of a choice is the index of its option. Values of choices, ``randint`` and ``uniformint`` are ints, all
    others are floats.

    Attributes:
        model_based: whether a model of earlier trials proposed the draw, instead of the prior.
        parent: number of the parent trial, or None.
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
        label: the first argument of the ``hp.*`` call.
        distribution: the prior.
        conditions: alternative conditions; the parameter is active if one of them holds. Each is a set of (label of a
            choice, index of an option), and holds if all these options are picked.
    """

    label: str
    distribution: Distribution
    conditions: Conditions

    @property
    def kind(self) -> str:
        """Name of the distribution in ``hp``, e.g. ``"qloguniform"``."""
        return self.distribution.name

    @property
    def args(self) -> tuple[float, ...]:
        """Arguments of the distribution, see ``Distribution``."""
        return self.distribution.args

    @property
    def n_options(self) -> int | None:
        """Number of options of a choice; None for other distributions."""
        return self.distribution.n_options
