"""Record of a running search: one JSON line per event, with the seconds since its process was started."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EVENTS = "events.jsonl"
BEST = "best.npz"
DIGITS = 6  # decimals of accuracies
_SECOND_DIGITS = 3

EPOCH, TRIAL, FAILED = "epoch", "trial", "failed"


@dataclass
class Recorder:
    """Appends events to a file; can be copied and pickled, so that it works in any process of a search.

    Attributes:
        folder: folder of the search.
        began: ``time.monotonic()`` when the search's process was started; on Linux all processes share this clock.
        best: best validation accuracy that this process has seen.
    """

    folder: Path
    began: float
    best: float = -1.0

    def trial(self, trial: int | str, vals: Mapping[str, float]) -> None:
        """Record the hyperparameters of a trial, when its training starts."""
        self._append({"kind": TRIAL, "trial": trial, "vals": dict(vals)})

    def epoch(self, trial: int | str, epoch: int, accuracy: float) -> bool:
        """Record an epoch, from 1, with its validation accuracy; return whether it is the best one so far."""
        self._append({"kind": EPOCH, "trial": trial, "epoch": epoch, "val_accuracy": round(float(accuracy), DIGITS)})
        improved = accuracy > self.best
        self.best = max(self.best, accuracy)
        return improved

    def failed(self) -> None:
        """Record a proposal that is no valid network."""
        self._append({"kind": FAILED})

    def _append(self, event: dict[str, Any]) -> None:
        seconds = round(time.monotonic() - self.began, _SECOND_DIGITS)
        line = json.dumps({**event, "s": seconds}) + "\n"
        descriptor = os.open(self.folder / EVENTS, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)


def read_events(folder: Path) -> list[dict[str, Any]]:
    """Return the events of a search that may have been killed while it wrote the last one."""
    path = folder / EVENTS
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
