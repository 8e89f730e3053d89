from collections.abc import Mapping

import numpy as np
import pytest
from hyperopt import hp

from metaopt.spaces import compile_space
from metaopt.spaces.block_operators import (
    delete_block,
    duplicate_last,
    find_width_labels,
    insert_block,
    read_blocks,
    swap_blocks,
    write_blocks,
)
from tests.spaces.checks import check_draw, make_stack_space, make_stack_vals


def test_written_blocks_are_read_back() -> None:
    space = make_stack_space(4)
    (stack,) = space.block_stacks
    blocks = read_blocks(stack, make_stack_vals([0.1, 0.2, 0.3]))
    assert [block["k{}"] for block in blocks] == [("k0", 0.1), ("k1", 0.2), ("k2", 0.3)]
    written = write_blocks(space, stack, {"n": 0}, blocks[::-1])
    assert written == make_stack_vals([0.3, 0.2, 0.1])
    assert write_blocks(space, stack, written, []) == {"n": 0}


def test_width_labels_are_active_numbers_named_as_widths() -> None:
    blocks = [
        {
            "channels": hp.uniformint(f"block_{i}_channels", 1, 9),
            "kernel": hp.uniformint(f"block_{i}_kernel", 1, 9),
            "filters": hp.choice(f"block_{i}_filters", [3, 5]),
        }
        for i in range(3)
    ]
    space = compile_space(hp.choice("n", [blocks[:n] for n in range(1, 4)]))
    (stack,) = space.block_stacks
    vals = space.complete({"n": 1}, np.random.default_rng(0))
    assert find_width_labels(space, stack, vals) == ["block_0_channels", "block_1_channels"]


def test_block_operators_on_a_stack_of_three() -> None:
    space = make_stack_space(5, 1)
    (stack,) = space.block_stacks
    rng = np.random.default_rng(10)
    vals = {**make_stack_vals([0.1, 0.2, 0.3]), "n": 2}

    def ks(draw: Mapping[str, float] | None) -> list[float]:
        assert draw is not None
        check_draw(space, draw)
        assert all(
            draw[f"s{i}"] == draw[f"k{i}"] / 2 or draw[f"k{i}"] not in (0.1, 0.2, 0.3)
            for i in range(stack.length(draw))
        )
        return [draw[f"k{i}"] for i in range(stack.length(draw))]

    shorter = {tuple(ks(delete_block(space, stack, vals, rng))) for _ in range(50)}
    assert shorter == {(0.1, 0.2), (0.1, 0.3), (0.2, 0.3)}
    assert ks(duplicate_last(space, stack, vals, rng)) == [0.1, 0.2, 0.3, 0.3]
    swapped = {tuple(ks(swap_blocks(space, stack, vals, rng))) for _ in range(50)}
    assert swapped == {(0.2, 0.1, 0.3), (0.3, 0.2, 0.1), (0.1, 0.3, 0.2)}
    positions = set()
    for _ in range(60):
        longer = ks(insert_block(space, stack, vals, rng))
        (new,) = [k for k in longer if k not in (0.1, 0.2, 0.3)]
        positions.add(longer.index(new))
        assert [k for k in longer if k != new] == [0.1, 0.2, 0.3]
    assert positions == {0, 1, 2, 3}
    assert delete_block(space, stack, {"n": 0, "k0": 0.1, "s0": 0.2}, rng) is None
    assert swap_blocks(space, stack, {"n": 0, "k0": 0.1, "s0": 0.2}, rng) is None
    full = space.complete({"n": 4}, rng)
    assert duplicate_last(space, stack, full, rng) is insert_block(space, stack, full, rng) is None


def test_operators_change_several_blocks_to_reach_a_depth() -> None:
    blocks = [hp.uniform(f"k{i}", 0, 1) for i in range(8)]
    space = compile_space(hp.choice("n", [blocks[:n] for n in (2, 4, 8)]))
    (stack,) = space.block_stacks
    rng = np.random.default_rng(11)
    vals = space.complete({"n": 1}, rng)
    for operator, expected in ((delete_block, 2), (duplicate_last, 8), (insert_block, 8), (swap_blocks, 4)):
        changed = operator(space, stack, vals, rng)
        assert changed is not None
        check_draw(space, changed)
        assert stack.length(changed) == expected


def test_moved_value_keeps_its_unit_value() -> None:
    blocks = [hp.uniform(f"k{i}", 10 * i, 10 * i + 10) for i in range(3)]
    space = compile_space(blocks)
    assert space.block_stacks == ()  # without a depth, blocks must have equal priors
    space = compile_space(hp.choice("n", [blocks[:2], blocks]))
    (stack,) = space.block_stacks
    moved = duplicate_last(space, stack, {"n": 0, "k0": 3.0, "k1": 14.0}, np.random.default_rng(0))
    assert moved == pytest.approx({"n": 1, "k0": 3.0, "k1": 14.0, "k2": 24.0})
