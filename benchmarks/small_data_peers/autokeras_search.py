#!/usr/bin/env python3
"""AutoKeras' ``ImageClassifier`` with its defaults, until a time.

AutoKeras has no limit in seconds. A callback ends the search by an interrupt; the network with the best validation
accuracy of all epochs until then is tested. AutoKeras can take ImageNet's weights for two of its networks, but
downloads them; where that fails, the trial fails.
"""

import sys
import time
from pathlib import Path
from typing import Any

import autokeras
import keras
from data import read, write


class Best:
    """Best network until now; outside of the callback, of which each trial has a copy."""

    accuracy = -1.0
    epochs = 0
    end = float("inf")
    file = Path("best.keras")


class Until(keras.callbacks.Callback):
    """Keeps the best network, and ends the search at a time."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """See Keras."""
        if time.monotonic() > Best.end:
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """See Keras."""
        Best.epochs += 1
        if logs and logs.get("val_accuracy", -1.0) > Best.accuracy:
            Best.accuracy = logs["val_accuracy"]
            self.model.save(Best.file)


def main() -> None:
    data, folder, out, seconds, seed = sys.argv[1:]
    began = time.monotonic()
    Best.end, Best.file = began + float(seconds), Path(folder) / "best.keras"
    Path(folder).mkdir(parents=True, exist_ok=True)
    x, y, x_test, y_test, _ = read(data)
    search = autokeras.ImageClassifier(max_trials=1000, directory=folder, overwrite=True, seed=int(seed))
    try:
        search.fit(x, y, callbacks=[Until()], verbose=2)
    except KeyboardInterrupt:
        print("the time is over")
    trained = time.monotonic() - began
    versions = {"keras": keras.__version__, "autokeras": autokeras.__version__}
    if Best.accuracy < 0:
        raise SystemExit("no epoch ended within the time")
    model = keras.saving.load_model(Best.file, compile=False)
    predicted = model.predict(x_test, 100, verbose=2).argmax(1)
    write(out, predicted, y_test, trained_s=trained, epochs=Best.epochs, **versions)


if __name__ == "__main__":
    main()
