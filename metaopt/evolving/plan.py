"""Plan of an evolution while training: how many cycles, members and epochs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from numbers import Integral
from typing import Any

from metaopt.errors import UserError, invalid_value

# Parameter → smallest integer that it accepts.
_MINIMA = {
    "cycles": 0,
    "population": 2,
    "runup_epochs": 1,
    "cycle_epochs": 1,
    "fixing_epochs": 0,
    "final_epochs": 0,
}


@dataclass(frozen=True)
class EvolutionPlan:
    """Numbers of cycles, members and epochs.

    Attributes:
        cycles: number of populations, one after the other.
        population: number of members in each.
        runup_epochs: epochs before the first cycle.
        cycle_epochs: epochs of each member.
        fixing_epochs: epochs of the fittest after each cycle, and of the crossover.
        final_epochs: epochs after the last cycle.
        crossover: whether the two fittest are combined after each cycle.
        keep_unchanged: whether member 0 is never mutated.

    Raises:
        UserError: A number is out of range, or the crossover has no epochs.
    """

    cycles: int = 5
    population: int = 4
    runup_epochs: int = 2
    cycle_epochs: int = 1
    fixing_epochs: int = 1
    final_epochs: int = 2
    crossover: bool = True
    keep_unchanged: bool = True

    def __post_init__(self) -> None:
        for name, least in _MINIMA.items():
            value = getattr(self, name)
            if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < least:
                raise invalid_value(name, repr(value), f"Expected an integer >= {least}.")
            object.__setattr__(self, name, int(value))
        if self.crossover and self.cycles and not self.fixing_epochs:
            raise UserError(
                "crossover needs fixing epochs, after which it is kept if it is no worse: set fixing_epochs to an"
                " integer >= 1, or turn crossover off.",
                "crossover",
                "fixing_epochs",
            )

    @property
    def epochs(self) -> int:
        """Epochs of the final network, if no cycle is undone."""
        return self.runup_epochs + self.cycles * (self.cycle_epochs + self.fixing_epochs) + self.final_epochs

    @property
    def trials(self) -> int:
        """Largest number of trials."""
        after = (1 + self.crossover) if self.fixing_epochs else 0
        return 1 + self.cycles * (self.population + after) + (self.final_epochs > 0)

    @property
    def text(self) -> str:
        """The plan as text, by which a study is compared with the one that resumes it."""
        return " ".join(f"{name}={value}" for name, value in asdict(self).items())

    def to_json(self) -> dict[str, Any]:
        """Return the plan for the journal."""
        return asdict(self)

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> "EvolutionPlan":
        """Return the plan that a study stores."""
        return cls(**stored)
