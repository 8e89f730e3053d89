"""Arithmetic of the sliding window of convolution and pooling layers, for any number of spatial axes."""

from functools import lru_cache
from typing import Any

from metaopt.blueprint import arguments
from metaopt.blueprint.arguments import Padding, Sizes
from metaopt.blueprint.errors import InvalidArchitecture

_NO_ENDS = (0, 0, 0)
_NO_DILATION = (1, 1, 1)


@lru_cache(maxsize=1 << 16)
def compute_window_output(
    size: Sizes, window: Sizes, strides: Sizes, padding: Padding, dilation: Sizes = _NO_DILATION
) -> Sizes:
    """Return the output size along each axis of a sliding window; 0 or less if the window does not fit.

    It is ⌊(L + p − d(k − 1) − 1) / s⌋ + 1 with p the sum of the padding at both ends (Dumoulin & Visin,
    arXiv:1603.07285, relationship 15), and ⌈L / s⌉ for ``"same"`` (TensorFlow's definition of SAME).
    """
    if padding == "same":
        return tuple([-(-length // stride) for length, stride in zip(size, strides, strict=True)])
    ends = _NO_ENDS if isinstance(padding, str) else tuple([sum(pair) for pair in padding])
    axes = zip(size, ends, dilation, window, strides, strict=False)
    return tuple([(length + end - gap * (extent - 1) - 1) // stride + 1 for length, end, gap, extent, stride in axes])


@arguments.cached
def standardize_window(kind: str, kernel: Any, strides: Any, dilation: Any, rank: int) -> tuple[Sizes, Sizes, Sizes]:
    """Return kernel size, strides and dilation rate for each of ``rank`` axes."""
    strides = arguments.standardize_sizes(kind, "strides", strides, rank)
    dilation = arguments.standardize_sizes(kind, "dilation_rate", dilation, rank)
    if max(strides) > 1 and max(dilation) > 1:
        raise InvalidArchitecture(
            kind, None, f"Expected strides or dilation_rate to be 1, got strides {strides}, dilation_rate {dilation}."
        )
    return arguments.standardize_sizes(kind, "kernel_size", kernel, rank), strides, dilation


@arguments.cached
def standardize_depthwise_window(
    kind: str, kernel: Any, strides: Any, dilation: Any, rank: int
) -> tuple[Sizes, Sizes, Sizes]:
    """Standardize the window of a depthwise convolution, whose strides must be equal.

    TensorFlow's depthwise kernels support only equal strides; Keras reports that no earlier than in training.
    """
    window = standardize_window(kind, kernel, strides, dilation, rank)
    if len(set(window[1])) > 1:
        raise InvalidArchitecture(kind, None, f"Invalid value for strides: {window[1]}. Expected equal strides.")
    return window
