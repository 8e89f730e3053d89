#!/usr/bin/env python3
"""The recipe of Keras' guide to transfer learning (https://keras.io/guides/transfer_learning) within a time.

Images are resized to 150 pixels, mirrored and rotated at random. A head of one dense layer with dropout of 0.2 is
trained on the frozen backbone with Adam, then the whole network with Adam at a learning rate of 1e-5. The guide trains
a fixed number of epochs on thousands of images. Here both parts end when the validation loss, on a tenth of the images,
has not fallen for 5 epochs, or at a half of the time and at its end; the best weights are kept. Batch normalisation is
held still by ``trainable = False`` on its layers, since ``training=False`` alone does not do it in Keras 3.15.
"""

import sys
import time
from typing import Any

import keras
import numpy as np
from data import read, write
from keras import layers

SIDE = 150
BATCH = 32
PATIENCE = 5
VALIDATION = 0.1


class Until(keras.callbacks.Callback):
    """Ends a training at a time."""

    def __init__(self, end: float) -> None:
        super().__init__()
        self.end = end

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """See Keras."""
        if time.monotonic() > self.end:
            self.model.stop_training = True


def main() -> None:
    data, backbone, out, seconds, seed = sys.argv[1:]
    began = time.monotonic()
    keras.utils.set_random_seed(int(seed))
    x, y, x_test, y_test, classes = read(data)
    order = np.random.default_rng(int(seed)).permutation(len(x))
    held_out = order[: max(classes, round(VALIDATION * len(x)))]
    kept = np.setdiff1d(order, held_out)
    validation = x[held_out], y[held_out]

    base = keras.saving.load_model(backbone, compile=False)
    base.trainable = False
    inputs = keras.Input(x.shape[1:])
    augmented = layers.RandomRotation(0.1)(layers.RandomFlip("horizontal")(inputs))
    features = layers.GlobalAveragePooling2D()(base(layers.Resizing(SIDE, SIDE)(augmented), training=False))
    model = keras.Model(inputs, layers.Dense(classes)(layers.Dropout(0.2)(features)))

    def fit(rate: float, end: float) -> int:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
        stopping = keras.callbacks.EarlyStopping(patience=PATIENCE, restore_best_weights=True)
        callbacks = [stopping, Until(end)]
        done = model.fit(
            *(x[kept], y[kept], BATCH, 1000, 2, callbacks),
            validation_data=validation,
        )
        if stopping.best_weights is not None:  # Keras restores them only where patience ends the training
            model.set_weights(stopping.best_weights)
        return len(done.history["loss"])

    head = fit(1e-3, began + float(seconds) / 2)
    base.trainable = True
    for layer in base._flatten_layers():
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    tuned = fit(1e-5, began + float(seconds))
    trained = time.monotonic() - began
    predicted = model.predict(x_test, 100, 2).argmax(1)
    write(out, predicted, y_test, trained_s=trained, epochs=[head, tuned], keras=keras.__version__)


if __name__ == "__main__":
    main()
