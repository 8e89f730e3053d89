import numpy as np
import pytest

from metaopt.blueprint import Blueprint, InvalidArchitecture, Node
from metaopt.problems.loading import load_problem
from metaopt.spaces import compile_space
from metaopt.zoo import conv_stack, conv_stack_1d

HEADS = {"label": 10}
SPACE = compile_space(load_problem("conv_stack_1d").space)


def lengths(blueprint: Blueprint) -> list[int]:
    """Return the length, or the height, of each node with spatial axes."""
    return [node.shape[0] for node in blueprint.nodes if len(node.shape) > 1 and is_in_block(node)]


def is_in_block(node: Node) -> bool:
    return node.layer.kind.startswith(("Input", "Conv", "MaxPooling"))


def test_stacks_have_the_lengths_of_those_of_images() -> None:
    """A column of pixels, of which rows alone are convolved, is the reference."""
    rng, compared = np.random.default_rng(0), 0
    for _ in range(300):
        point = {**SPACE.point(SPACE.draw(rng)), "residual": False}
        point["blocks"] = tuple({**block, "skip": 0} for block in point["blocks"])
        try:
            images = conv_stack.network(point, (90, 90, 2), HEADS)
        except InvalidArchitecture:
            with pytest.raises(InvalidArchitecture):
                conv_stack_1d.network(point, (90, 2), HEADS)
            continue
        signals = conv_stack_1d.network(point, (90, 2), HEADS)
        assert lengths(signals) == lengths(images)
        compared += 1
    assert compared > 20


def test_skips_and_residual_connections_are_added() -> None:
    rng, found = np.random.default_rng(1), 0
    for _ in range(200):
        point = SPACE.point(SPACE.draw(rng))
        try:
            blueprint = conv_stack_1d.network(point, (200, 3), HEADS)
        except InvalidArchitecture:
            continue
        adds = [node for node in blueprint.nodes if node.layer.kind == "Add"]
        blocks = point["blocks"]
        spans = [min(block["skip"], number + 1) for number, block in enumerate(blocks)]
        own = sum(1 for span in spans if span and span != len(blocks))
        assert len(adds) == own + 1
        found += len(adds) > 1
    assert found > 5
