"""Latency of a network: milliseconds of the inference of one image, measured on the machine that trained it."""

import os
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from metaopt.engine.jobs import TrainingOptions
from metaopt.executors.hardware import cpu_count
from metaopt.trials.constraints import LATENCY

_WARM_RUNS = 5  # also compile; they are not counted
_MIN_RUNS, _MAX_RUNS = 20, 200
_DISTURBED = 2.0  # 90 % quantile of the runs by the 10 % quantile
_SECONDS = 0.3  # of measuring, within these numbers of runs


def needs_latency(options: TrainingOptions) -> bool:
    """Return whether a search asks for latencies, so that they are worth the time to measure them."""
    return LATENCY in (*options.further_objectives, *(each.name for each in options.constraints))


def describe_disturbance(latency: dict[str, Any]) -> str | None:
    """Return a sentence for the user if the runs of a measurement differ too much; else None."""
    if latency["high_ms"] <= _DISTURBED * latency["low_ms"]:
        return None
    return (
        "Latencies vary by more than a factor of two between the runs of one network, as other processes use the CPU:"
        " the median that counts is too large. Use fewer workers, or see low_ms and high_ms in the records."
    )


def measure_latency(model: keras.Model, input_shape: tuple[int, ...], *, is_raw: bool = False) -> dict[str, Any]:
    """Measure how long a model takes for a batch of one image.

    The model is compiled apart from its training and prediction steps, which stay as they are. The first runs are not
    counted. A run ends when its result is in the memory of the host.

    Args:
        model: a built model.
        input_shape: (height, width, channels) of an image, or the shape of a signal or a volume.
        is_raw: whether the model takes uint8 images, as an exported model does, which scales them itself; one of
            signals takes floats.

    Returns:
        ``median_ms``, ``low_ms`` and ``high_ms`` (10 % and 90 % quantiles), ``runs``, and ``threads`` (CPU threads).
    """
    image = np.random.default_rng(0).uniform(-0.5, 0.5, (1, *input_shape)).astype("float32")
    if is_raw and len(input_shape) == 3:
        image = np.rint(255 * (image + 0.5)).astype("uint8")
    infer = _make_inference(model)
    for _ in range(_WARM_RUNS):
        infer(image)
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < _MIN_RUNS or (len(times) < _MAX_RUNS and time.perf_counter() - began < _SECONDS):
        start = time.perf_counter()
        infer(image)
        times.append(1000 * (time.perf_counter() - start))
    low, median, high = (round(float(each), 4) for each in np.quantile(times, [0.1, 0.5, 0.9]))
    threads = int(os.environ.get("OMP_NUM_THREADS") or cpu_count())
    return {"median_ms": median, "low_ms": low, "high_ms": high, "runs": len(times), "threads": threads}


def _make_inference(model: keras.Model) -> Callable[[np.ndarray], Any]:
    """Return a function from images to predictions, compiled where the backend compiles."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        run: Callable[..., Any] = tf.function(lambda images: model(images, training=False))
    elif backend == "jax":
        import jax

        trained = [variable.value for variable in model.trainable_variables]
        others = [variable.value for variable in model.non_trainable_variables]
        stateless = jax.jit(lambda *arguments: model.stateless_call(*arguments, training=False)[0])

        def run(images: Any) -> Any:
            return stateless(trained, others, images)
    else:
        import torch

        def run(images: Any) -> Any:
            with torch.no_grad():
                return model(images, training=False)

    def infer(images: np.ndarray) -> Any:
        return keras.tree.map_structure(keras.ops.convert_to_numpy, run(keras.ops.convert_to_tensor(images)))

    return infer
