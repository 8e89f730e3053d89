"""Recorder of one run: epochs, seconds, and the test score of the network that a method would choose at each moment.

At every moment a method has the weights with the smallest validation loss so far. When they change, their test score is
measured at once, for the table only, and the clock stands still meanwhile. The processes of one run share a file.
"""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.evolve.budget import Budget

Incumbent = tuple[float, int, float, float]
"""Seconds, epochs, validation loss, test score."""


class BudgetOver(KeyboardInterrupt):
    """The budget is spent; libraries let it pass as Ctrl-C."""


class Recorder:
    """Records the epochs of one run.

    Args:
        path: file of the events.
        budget: when the run is over.
        score: test score of a model.
    """

    def __init__(self, path: Path, budget: Budget, score: Callable[[Any], float]) -> None:
        self._path = path
        self._budget = budget
        self._score = score

    def begin(self) -> None:
        """Start the clock, unless another process has."""
        if not self._path.exists():
            self._append({"wall": time.time()})

    def epoch(self, model: Any, val_loss: float) -> None:
        """Record an epoch of any network.

        Raises:
            BudgetOver: The budget is spent.
        """
        now = time.time()
        losses = [event["val_loss"] for event in self._events() if event.get("val_loss") is not None]
        event: dict[str, Any] = {"wall": now, "val_loss": val_loss if math.isfinite(val_loss) else None, "paused": 0.0}
        if math.isfinite(val_loss) and val_loss < min(losses, default=math.inf):
            event["test"] = self._score(model)
            event["paused"] = time.time() - now
        self._append(event)
        if self.is_over:
            raise BudgetOver

    @property
    def is_over(self) -> bool:
        """Whether the budget is spent."""
        events = self._events()
        if self._budget.kind == "epochs":
            return len(events) - 1 >= self._budget.amount
        paused = sum(event.get("paused", 0.0) for event in events)
        return bool(events) and time.time() - events[0]["wall"] - paused >= self._budget.amount

    def result(self) -> dict[str, Any]:
        """Return epochs and seconds of the run, and its incumbents, one after the other."""
        begin, *events = sorted(self._events(), key=lambda event: event["wall"]) or [{}]
        paused, best, found = 0.0, math.inf, []
        seconds = 0.0
        for number, event in enumerate(events, 1):
            seconds = event["wall"] - begin["wall"] - paused
            paused += event["paused"]
            # Two processes may have measured what only one of them improved on.
            if "test" in event and event["val_loss"] < best:
                best = event["val_loss"]
                found.append((round(seconds, 3), number, best, event["test"]))
        return {"epochs": len(events), "seconds": round(seconds, 3), "incumbents": found}

    def _events(self) -> list[dict[str, Any]]:
        if not self._path.exists():
            return []
        return [json.loads(line) for line in self._path.read_text().splitlines()]

    def _append(self, event: dict[str, Any]) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(event) + "\n")
