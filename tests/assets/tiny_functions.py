"""Functions of the compatibility fixtures that are searched from Python, and their space."""

import math
from pathlib import Path

from hyperopt import hp

SPACE = {
    "x": hp.uniform("x", -3, 3),
    "branch": hp.choice("branch", [None, {"y": hp.loguniform("y", -3, 1)}]),
}


def parabola(point):
    """A loss with a measured number beside it; one x in five fails."""
    if math.floor(10 * point["x"]) % 5 == 0:
        return {"status": "fail", "error": "The function was told to fail."}
    penalty = 0.5 if point["branch"] is None else point["branch"]["y"]
    return {"loss": (point["x"] - 1) ** 2 + penalty, "latency": abs(point["x"]), "note": "kept"}


def stepwise(point, *, epochs, checkpoint):
    """A loss that falls with the epochs; keeps the number of epochs in the directory that survives."""
    path = Path(checkpoint, "epochs.txt")
    trained = int(path.read_text()) if path.exists() else 0
    assert trained <= epochs
    path.write_text(str(epochs))
    penalty = 0.5 if point["branch"] is None else point["branch"]["y"]
    return {"loss": (point["x"] - 1) ** 2 + penalty + 1 / epochs, "started_at": trained}
