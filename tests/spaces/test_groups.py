from typing import Any

import pytest
from hyperopt import hp

from metaopt.spaces import Group, compile_space


def groups(expression: Any) -> tuple[Group, ...]:
    return compile_space(expression).groups


def block(i: int) -> dict[str, Any]:
    """As in a stack: some labels are there only where a choice of the block itself says so."""
    return {
        "kernel": hp.uniformint(f"block_{i}_kernel", 3, 9),
        "pool": hp.choice(f"block_{i}_pool", [None, {"size": hp.randint(f"block_{i}_pool_size", 2, 4)}]),
    }


def roles(i: int) -> dict[str, str]:
    return {f"block_{{}}_{what}": f"block_{i}_{what}" for what in ("kernel", "pool", "pool_size")}


def test_blocks_that_appear_one_after_the_other_with_a_choice() -> None:
    blocks = [block(i) for i in range(4)]
    (group,) = groups({"blocks": hp.choice("n", [blocks[: n + 1] for n in range(4)]), "lr": hp.uniform("lr_1", 0, 1)})
    assert group == Group("n", (1, 2, 3, 4), tuple(roles(i) for i in range(4)))
    assert group.labels == {label for i in range(4) for label in roles(i).values()}


@pytest.mark.parametrize("counts", [(0, 1, 2), (2, 1, 3), (1, 4), (3, 3, 1)])
def test_any_numbers_of_blocks_can_be_on_offer(counts: tuple[int, ...]) -> None:
    blocks = [block(i) for i in range(max(counts))]
    (group,) = groups({"a": hp.choice("n", [blocks[:n] for n in counts])})
    assert group.depth == "n"
    assert group.lengths == counts
    assert group.blocks == tuple(roles(i) for i in range(max(counts)))


def test_a_stack_of_two_is_not_ruled_by_the_second_blocks_own_choice() -> None:
    blocks = [block(0), block(1)]
    (group,) = groups({"blocks": hp.choice("n", [blocks[:1], blocks])})
    assert (group.depth, group.lengths) == ("n", (1, 2))
    (group,) = groups(blocks)
    assert group == Group(None, (2,), (roles(0), roles(1)))


def test_the_number_may_stand_at_the_end() -> None:
    layers = [{"k": hp.randint(f"kernel_{i}", 5), "s": hp.uniform(f"stride_{i}", 0, 1)} for i in range(1, 4)]
    (group,) = groups({"depth": hp.choice("d", [layers[:1], layers[:2], layers])})
    assert group.blocks[1] == {"kernel_{}": "kernel_2", "stride_{}": "stride_2"}
    (fixed,) = groups(layers)
    assert fixed.depth is None
    assert fixed.blocks == group.blocks


def test_two_stacks_are_told_apart() -> None:
    def conv(n: int) -> list[Any]:
        return [hp_conv[i] for i in range(n)]

    hp_conv = [hp.qloguniform(f"n_channels_conv_{i}", 2, 6, 1) for i in range(3)]
    hp_fc = [hp.qloguniform(f"n_channels_fc_{i}", 2, 6, 1) for i in range(3)]
    first, second = groups(
        {
            "conv": hp.choice("n_conv_layers", [conv(n) for n in (1, 2, 3)]),
            "fc": hp.choice("n_fc_layers", [hp_fc[:n] for n in (1, 2, 3)]),
        }
    )
    assert (first.depth, second.depth) == ("n_conv_layers", "n_fc_layers")
    fixed = groups(
        [
            *({"a": hp.uniform(f"conv_{i}_a", 0, 1)} for i in range(2)),
            *(hp.uniform(f"fc_{i}_a", 0, 1) for i in range(2)),
        ]
    )
    assert [group.depth for group in fixed] == [None, None]


def test_stages_of_blocks_are_groups_of_groups() -> None:
    def stage(s: int) -> Any:
        units = [hp.uniform(f"stage_{s}_block_{b}_width", 0, 1) for b in range(3)]
        return hp.choice(f"stage_{s}_blocks", [units[: n + 1] for n in range(3)])

    stages = [stage(s) for s in range(2)]
    found = {group.depth: group for group in groups(hp.choice("n_stages", [stages[:1], stages]))}
    assert set(found) == {"n_stages", "stage_0_blocks", "stage_1_blocks"}
    assert found["stage_1_blocks"].lengths == (1, 2, 3)
    assert found["n_stages"].blocks[1].keys() == {"stage_{}_blocks", *(f"stage_{{}}_block_{b}_width" for b in range(3))}
    assert found["n_stages"].blocks[1]["stage_{}_blocks"] == "stage_1_blocks"


def test_a_role_that_the_first_block_lacks() -> None:
    blocks = [
        {"k": hp.uniform(f"k{i}", 0, 1)} | ({"skip": hp.uniform(f"skip{i}", 0, 1)} if i else {}) for i in range(3)
    ]
    (group,) = groups(hp.choice("n", [blocks[:1], blocks[:2], blocks]))
    assert group.blocks == ({"k{}": "k0"}, {"k{}": "k1", "skip{}": "skip1"}, {"k{}": "k2", "skip{}": "skip2"})


@pytest.mark.parametrize(
    "expression",
    [
        [hp.uniform("l1_weight", 0, 1), hp.uniform("l2_weight", 0, 5)],  # not alike
        [hp.uniform("k3", 0, 1), hp.uniform("k5", 0, 1)],  # a gap
        [hp.uniform("conv2d_rate", 0, 1), hp.uniform("rate", 0, 1)],  # one of a kind
        hp.choice("way", [hp.uniform("x1", 0, 1), hp.uniform("x2", 0, 1)]),  # one or the other
    ],
)
def test_what_is_no_group(expression: Any) -> None:
    assert groups(expression) == ()


def test_lengths() -> None:
    blocks = [block(i) for i in range(5)]
    space = compile_space(hp.choice("kind", [hp.choice("n", [blocks[:1], blocks[:2], blocks[:5]]), None]))
    (group,) = space.groups
    assert group.length({"kind": 1}) == 0
    assert group.length({"kind": 0, "n": 2}) == 5
    assert [group.longer(n) for n in (1, 2, 5)] == [2, 5, None]
    assert [group.shorter(n) for n in (1, 2, 5)] == [None, 1, 2]
    assert [group.nearest(n) for n in (0, 1, 2, 3, 4, 9)] == [1, 1, 2, 2, 5, 5]
    assert [group.option(n) for n in (1, 2, 5)] == [0, 1, 2]
    (fixed,) = compile_space(blocks).groups
    assert fixed.length({"block_0_kernel": 3}) == 5
    assert fixed.length({}) == 0
    assert fixed.longer(5) is fixed.shorter(5) is None
