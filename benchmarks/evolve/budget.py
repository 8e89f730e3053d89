"""Budget of a run: epochs or seconds of training, whatever they are spent on."""

import argparse
from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """Budget.

    Attributes:
        kind: ``epochs``, of all networks that are trained together, or ``seconds`` by the clock.
        amount: how many.
    """

    kind: str
    amount: float

    @classmethod
    def read(cls, text: str) -> "Budget":
        """Convert ``epochs:60`` or ``seconds:120``."""
        kind, _, amount = text.partition(":")
        try:
            budget = cls(kind, float(amount))
        except ValueError:
            budget = cls("", 0)
        if budget.kind not in ("epochs", "seconds") or not budget.amount > 0:
            raise argparse.ArgumentTypeError(f"{text}. Expected epochs:N or seconds:N.")
        return budget

    def __str__(self) -> str:
        return f"{self.kind}:{self.amount:g}"
