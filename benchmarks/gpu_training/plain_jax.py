"""Training of gpu.py's network by hand: plain JAX, without Keras; the images stay on the device.

    python3 benchmarks/gpu_training/plain_jax.py DATA.npz --epochs 10 [--mixed]

Prints a line of JSON after each epoch: seconds of the monotonic clock, and the accuracy on the validation split.
"""

import argparse
import functools
import json
import sys
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.gpu_training.problem import BATCH_SIZE, POINT  # noqa: E402
from metaopt.data import DataSpec, load  # noqa: E402

L2, MOMENTUM, EPSILON = 0.0007, 0.9, 1e-3  # of neural_net.py, and of Keras' batch normalisation
RATES = POINT["conv_dropout_drop_proba"], POINT["fc_dropout_drop_proba"]
Tree = Any


def glorot(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Return a kernel as Keras' glorot_uniform draws it."""
    return jax.nn.initializers.glorot_uniform()(key, shape, jnp.float32)


def initialise(key: jax.Array, shape: tuple[int, int, int], classes: int) -> tuple[Tree, Tree]:
    """Return the trained parameters and the running statistics of the network."""
    side, _, channels = shape
    convolutions, statistics, filters = [], [], 40
    for _ in range(POINT["nb_conv_pool_layers"]):
        key, own = jax.random.split(key)
        kernel = glorot(own, (3, 3, channels, filters))
        # Each array has a buffer of its own, which a step replaces.
        layer = {"kernel": kernel, "bias": jnp.zeros(filters), "gamma": jnp.ones(filters), "beta": jnp.zeros(filters)}
        convolutions.append(layer)
        statistics.append({"mean": jnp.zeros(filters), "variance": jnp.ones(filters)})
        channels, filters, side = filters, 2 * filters, side // 2
    first, second = jax.random.split(key)
    hidden = {"kernel": glorot(first, (side * side * channels, 1000)), "bias": jnp.zeros(1000)}
    output = {"kernel": glorot(second, (1000, classes)), "bias": jnp.zeros(classes)}
    return {"convolutions": convolutions, "hidden": hidden, "output": output}, statistics


def drop(x: jax.Array, rate: float, key: jax.Array | None) -> jax.Array:
    """Apply dropout, in training only."""
    if key is None:
        return x
    return jnp.where(jax.random.bernoulli(key, 1 - rate, x.shape), x / (1 - rate), 0)


def forward(
    weights: Tree, statistics: Tree, images: jax.Array, key: jax.Array | None, dtype: Any
) -> tuple[jax.Array, Tree]:
    """Return logits and new statistics; without a key for validation."""
    x, updated = images.astype(dtype) / 255 - 0.5, []
    keys = [None] * 9 if key is None else list(jax.random.split(key, 9))
    for number, (conv, known) in enumerate(zip(weights["convolutions"], statistics, strict=True)):
        kernel = conv["kernel"].astype(dtype)
        x = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = jax.nn.relu(x + conv["bias"].astype(dtype))
        if key is None:
            mean, variance = known["mean"], known["variance"]
        else:
            wide = x.astype(jnp.float32)
            mean, variance = wide.mean((0, 1, 2)), wide.var((0, 1, 2))
            known = {
                "mean": MOMENTUM * known["mean"] + (1 - MOMENTUM) * mean,
                "variance": MOMENTUM * known["variance"] + (1 - MOMENTUM) * variance,
            }
        updated.append(known)
        scale = conv["gamma"] * jax.lax.rsqrt(variance + EPSILON)
        x = x * scale.astype(dtype) + (conv["beta"] - mean * scale).astype(dtype)
        x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID").astype(dtype)
        x = drop(x, RATES[0], keys[number])
    x = x.reshape(len(x), -1)
    hidden, output = weights["hidden"], weights["output"]
    x = jax.nn.relu(x @ hidden["kernel"].astype(dtype) + hidden["bias"].astype(dtype))
    x = drop(x, RATES[1], keys[-1])
    return x.astype(jnp.float32) @ output["kernel"] + output["bias"], updated


def loss_of(
    weights: Tree, statistics: Tree, images: jax.Array, labels: jax.Array, key: jax.Array, dtype: Any
) -> tuple[jax.Array, Tree]:
    """Return cross-entropy with the L2 penalty of the kernels, and new statistics."""
    logits, updated = forward(weights, statistics, images, key, dtype)
    kernels = [layer["kernel"] for layer in (*weights["convolutions"], weights["hidden"], weights["output"])]
    entropy = -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1).mean()
    return entropy + L2 * sum((kernel**2).sum() for kernel in kernels), updated


@functools.partial(jax.jit, static_argnames="dtype", donate_argnums=(0, 1, 2))
def step(
    weights: Tree,
    statistics: Tree,
    moments: Tree,
    number: int,
    images: jax.Array,
    labels: jax.Array,
    key: Any,
    dtype: Any,
) -> tuple[Tree, Tree, Tree]:
    """Return weights, statistics and moments after one step of Adam (Kingma & Ba 2015, arXiv:1412.6980)."""
    key = jax.random.fold_in(key, number)
    gradients, statistics = jax.grad(loss_of, has_aux=True)(weights, statistics, images, labels, key, dtype)
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, moments[0], gradients)
    second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g**2, moments[1], gradients)
    rate = 0.001 * jnp.sqrt(1 - 0.999**number) / (1 - 0.9**number)
    weights = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + 1e-7), weights, first, second)
    return weights, statistics, (first, second)


@functools.partial(jax.jit, static_argnames="dtype")
def count_correct(weights: Tree, statistics: Tree, images: jax.Array, labels: jax.Array, dtype: Any) -> jax.Array:
    """Return the number of images that are classified correctly."""
    logits, _ = forward(weights, statistics, images, None, dtype)
    return (logits.argmax(1) == labels).sum()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--mixed", action="store_true", help="compute in bfloat16")
    arguments = parser.parse_args()
    dtype = jnp.bfloat16 if arguments.mixed else jnp.float32
    data = load(DataSpec(arguments.data, augment="none"))
    (x, y), (x_val, y_val) = (
        (pixels, np.asarray(labels["label"]))
        for images in (data.train, data.validation)
        for pixels, labels in [images.batch(np.arange(len(images)))]
    )
    x, y, x_val, y_val = (jax.device_put(each) for each in (x, y, x_val, y_val))
    key = jax.random.key(0)
    weights, statistics = initialise(key, data.input_shape, data.classes["label"])
    zeros = jax.tree.map(jnp.zeros_like, weights)
    moments = zeros, jax.tree.map(jnp.zeros_like, weights)
    generator, number = np.random.default_rng(0), 0
    for _ in range(arguments.epochs):
        order = generator.permutation(len(x))
        for start in range(0, len(x) - BATCH_SIZE + 1, BATCH_SIZE):
            number += 1
            rows = order[start : start + BATCH_SIZE]
            weights, statistics, moments = step(weights, statistics, moments, number, x[rows], y[rows], key, dtype)
        correct = sum(
            int(count_correct(weights, statistics, x_val[start : start + 500], y_val[start : start + 500], dtype))
            for start in range(0, len(x_val), 500)
        )
        parameters = sum(each.size for each in jax.tree.leaves((weights, statistics)))
        line = {"s": time.monotonic(), "val_accuracy": correct / len(x_val), "params": parameters, "images": len(x)}
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
