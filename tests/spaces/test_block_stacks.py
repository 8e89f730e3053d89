from typing import Any

import pytest
from hyperopt import hp

from metaopt.spaces import BlockStack, compile_space


def stacks(expression: Any) -> tuple[BlockStack, ...]:
    return compile_space(expression).block_stacks


def block(i: int) -> dict[str, Any]:
    """A block with a label that depends on a choice inside the block."""
    return {
        "kernel": hp.uniformint(f"block_{i}_kernel", 3, 9),
        "pool": hp.choice(f"block_{i}_pool", [None, {"size": hp.randint(f"block_{i}_pool_size", 2, 4)}]),
    }


def roles(i: int) -> dict[str, str]:
    return {f"block_{{}}_{what}": f"block_{i}_{what}" for what in ("kernel", "pool", "pool_size")}


def test_stack_with_a_choice_of_the_number_of_blocks() -> None:
    blocks = [block(i) for i in range(4)]
    (stack,) = stacks({"blocks": hp.choice("n", [blocks[: n + 1] for n in range(4)]), "lr": hp.uniform("lr_1", 0, 1)})
    assert stack == BlockStack("n", (1, 2, 3, 4), tuple(roles(i) for i in range(4)))
    assert stack.labels == {label for i in range(4) for label in roles(i).values()}


@pytest.mark.parametrize("counts", [(0, 1, 2), (2, 1, 3), (1, 4), (3, 3, 1)])
def test_stack_with_arbitrary_numbers_of_blocks(counts: tuple[int, ...]) -> None:
    blocks = [block(i) for i in range(max(counts))]
    (stack,) = stacks({"a": hp.choice("n", [blocks[:n] for n in counts])})
    assert stack.depth == "n"
    assert stack.lengths == counts
    assert stack.blocks == tuple(roles(i) for i in range(max(counts)))


def test_choice_inside_a_block_is_not_the_depth() -> None:
    blocks = [block(0), block(1)]
    (stack,) = stacks({"blocks": hp.choice("n", [blocks[:1], blocks])})
    assert (stack.depth, stack.lengths) == ("n", (1, 2))
    (stack,) = stacks(blocks)
    assert stack == BlockStack(None, (2,), (roles(0), roles(1)))


def test_labels_may_end_with_the_number() -> None:
    layers = [{"k": hp.randint(f"kernel_{i}", 5), "s": hp.uniform(f"stride_{i}", 0, 1)} for i in range(1, 4)]
    (stack,) = stacks({"depth": hp.choice("d", [layers[:1], layers[:2], layers])})
    assert stack.blocks[1] == {"kernel_{}": "kernel_2", "stride_{}": "stride_2"}
    (fixed,) = stacks(layers)
    assert fixed.depth is None
    assert fixed.blocks == stack.blocks


def test_two_stacks_are_separated() -> None:
    def conv(n: int) -> list[Any]:
        return [hp_conv[i] for i in range(n)]

    hp_conv = [hp.qloguniform(f"n_channels_conv_{i}", 2, 6, 1) for i in range(3)]
    hp_fc = [hp.qloguniform(f"n_channels_fc_{i}", 2, 6, 1) for i in range(3)]
    first, second = stacks(
        {
            "conv": hp.choice("n_conv_layers", [conv(n) for n in (1, 2, 3)]),
            "fc": hp.choice("n_fc_layers", [hp_fc[:n] for n in (1, 2, 3)]),
        }
    )
    assert (first.depth, second.depth) == ("n_conv_layers", "n_fc_layers")
    fixed = stacks(
        [
            *({"a": hp.uniform(f"conv_{i}_a", 0, 1)} for i in range(2)),
            *(hp.uniform(f"fc_{i}_a", 0, 1) for i in range(2)),
        ]
    )
    assert [stack.depth for stack in fixed] == [None, None]


def test_stages_of_blocks_are_nested_stacks() -> None:
    def stage(s: int) -> Any:
        units = [hp.uniform(f"stage_{s}_block_{b}_width", 0, 1) for b in range(3)]
        return hp.choice(f"stage_{s}_blocks", [units[: n + 1] for n in range(3)])

    stages = [stage(s) for s in range(2)]
    found = {stack.depth: stack for stack in stacks(hp.choice("n_stages", [stages[:1], stages]))}
    assert set(found) == {"n_stages", "stage_0_blocks", "stage_1_blocks"}
    assert found["stage_1_blocks"].lengths == (1, 2, 3)
    assert found["n_stages"].blocks[1].keys() == {"stage_{}_blocks", *(f"stage_{{}}_block_{b}_width" for b in range(3))}
    assert found["n_stages"].blocks[1]["stage_{}_blocks"] == "stage_1_blocks"


def test_first_block_may_lack_a_role() -> None:
    blocks = [
        {"k": hp.uniform(f"k{i}", 0, 1)} | ({"skip": hp.uniform(f"skip{i}", 0, 1)} if i else {}) for i in range(3)
    ]
    (stack,) = stacks(hp.choice("n", [blocks[:1], blocks[:2], blocks]))
    assert stack.blocks == ({"k{}": "k0"}, {"k{}": "k1", "skip{}": "skip1"}, {"k{}": "k2", "skip{}": "skip2"})


@pytest.mark.parametrize(
    "expression",
    [
        [hp.uniform("l1_weight", 0, 1), hp.uniform("l2_weight", 0, 5)],  # different priors
        [hp.uniform("k3", 0, 1), hp.uniform("k5", 0, 1)],  # numbers are not consecutive
        [hp.uniform("conv2d_rate", 0, 1), hp.uniform("rate", 0, 1)],  # a single label
        hp.choice("way", [hp.uniform("x1", 0, 1), hp.uniform("x2", 0, 1)]),  # never active together
    ],
)
def test_labels_that_form_no_stack(expression: Any) -> None:
    assert stacks(expression) == ()


def test_possible_numbers_of_blocks() -> None:
    blocks = [block(i) for i in range(5)]
    space = compile_space(hp.choice("kind", [hp.choice("n", [blocks[:1], blocks[:2], blocks[:5]]), None]))
    (stack,) = space.block_stacks
    assert stack.length({"kind": 1}) == 0
    assert stack.length({"kind": 0, "n": 2}) == 5
    assert [stack.longer(n) for n in (1, 2, 5)] == [2, 5, None]
    assert [stack.shorter(n) for n in (1, 2, 5)] == [None, 1, 2]
    assert [stack.nearest(n) for n in (0, 1, 2, 3, 4, 9)] == [1, 1, 2, 2, 5, 5]
    assert [stack.option(n) for n in (1, 2, 5)] == [0, 1, 2]
    (fixed,) = compile_space(blocks).block_stacks
    assert fixed.length({"block_0_kernel": 3}) == 5
    assert fixed.length({}) == 0
    assert fixed.longer(5) is fixed.shorter(5) is None


def test_groups_is_an_alias_of_block_stacks() -> None:
    space = compile_space([block(0), block(1)])
    assert space.groups is space.block_stacks
