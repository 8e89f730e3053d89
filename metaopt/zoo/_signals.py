"""Connections between nodes of different lengths, which the problems for signals share."""

from metaopt.blueprint import Add, AveragePooling1D, Conv1D, Node, ZeroPadding1D


def added(x: Node, source: Node) -> Node:
    """Add an earlier node. Average pooling adapts its length, and a convolution of kernel size 1 its channels.

    With stride s = ⌊L / l⌋ and window L − (l − 1)·s, the pooled length ⌊(L − window) / s⌋ + 1 is l. Zero padding is
    needed if the signal must grow, which the padding of even kernels can cause.
    """
    length, goal = source.shape[0], x.shape[0]
    stride = max(1, length // goal)
    window = max(1, length - (goal - 1) * stride)
    if window > 1:
        source = AveragePooling1D(window, stride)(source)
    missing = goal - source.shape[0]
    if missing:
        source = ZeroPadding1D((missing // 2, missing - missing // 2))(source)
    if source.shape[1] != x.shape[1]:
        source = Conv1D(x.shape[1], 1)(source)
    return Add()([x, source])
