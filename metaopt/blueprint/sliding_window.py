"""Arithmetic of the sliding window of convolution and pooling layers."""

from functools import lru_cache
from typing import Any

from metaopt.blueprint import arguments
from metaopt.blueprint.arguments import Padding, Pair
from metaopt.blueprint.errors import InvalidArchitecture


@lru_cache(maxsize=1 << 16)
def compute_window_output(size: Pair, window: Pair, strides: Pair, padding: Padding, dilation: Pair = (1, 1)) -> Pair:
    """Return the output height and width of a sliding window; 0 or less if the window does not fit.

    It is ⌊(L + p − d(k − 1) − 1) / s⌋ + 1 with p the sum of the padding at both ends (Dumoulin & Visin,
    arXiv:1603.07285, relationship 15), and ⌈L / s⌉ for ``"same"`` (TensorFlow's definition of SAME).
    """
    if padding == "same":
        return -(-size[0] // strides[0]), -(-size[1] // strides[1])
    ends = (0, 0) if isinstance(padding, str) else (sum(padding[0]), sum(padding[1]))
    height, width = (
        (length + end - spacing * (extent - 1) - 1) // stride + 1
        for length, end, spacing, extent, stride in zip(size, ends, dilation, window, strides, strict=True)
    )
    return height, width


@arguments.cached
def standardize_window(kind: str, kernel: Any, strides: Any, dilation: Any) -> tuple[Pair, Pair, Pair]:
    """Return kernel size, strides and dilation rate as pairs."""
    strides = arguments.standardize_pair(kind, "strides", strides)
    dilation = arguments.standardize_pair(kind, "dilation_rate", dilation)
    if max(strides) > 1 and max(dilation) > 1:
        raise InvalidArchitecture(
            kind, None, f"Expected strides or dilation_rate to be 1, got strides {strides}, dilation_rate {dilation}."
        )
    return arguments.standardize_pair(kind, "kernel_size", kernel), strides, dilation


@arguments.cached
def standardize_depthwise_window(kind: str, kernel: Any, strides: Any, dilation: Any) -> tuple[Pair, Pair, Pair]:
    """Standardize the window of a depthwise convolution, whose strides must be equal.

    TensorFlow's depthwise kernels support only equal strides; Keras reports that no earlier than in training.
    """
    window = standardize_window(kind, kernel, strides, dilation)
    height, width = window[1]
    if height != width:
        raise InvalidArchitecture(kind, None, f"Invalid value for strides: {window[1]}. Expected equal strides.")
    return window
