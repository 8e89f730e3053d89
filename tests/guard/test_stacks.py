"""Stacks of blocks with limits on their depth."""

from collections import Counter

import numpy as np
import pytest
from hyperopt import hp

from metaopt.errors import UserError
from metaopt.guard import Stacks
from metaopt.spaces import Vals, compile_space
from metaopt.zoo import conv_stack, flower_cnn

SPACE = compile_space(conv_stack.make_space(1, 8))


def depth(vals):
    return len(SPACE.point(vals)["blocks"])


def test_draws_have_all_allowed_depths_and_no_other():
    stacks = Stacks(SPACE, 3, 5)
    rng = np.random.default_rng(0)
    draws = [stacks.draw(rng) for _ in range(300)]
    found = Counter(map(depth, draws))
    assert found.keys() == {3, 4, 5}
    assert min(found.values()) > 60
    # The stack of dense layers cannot become as deep, and is not limited.
    assert {len(SPACE.point(vals)["dense"]) for vals in draws} == {1, 2}


def test_fitting_keeps_allowed_depths_and_existing_blocks():
    stacks = Stacks(SPACE, 3, 5)
    rng = np.random.default_rng(1)
    for _ in range(60):
        vals = Vals(SPACE.draw(rng), model_based=True, parent=4)
        fitted = stacks.fitted(vals, rng)
        assert (fitted.model_based, fitted.parent) == (True, 4)
        assert dict(SPACE.restrict(fitted)) == dict(fitted)
        if 3 <= depth(vals) <= 5:
            assert fitted == vals
        before, after = SPACE.point(vals)["blocks"], SPACE.point(fitted)["blocks"]
        fewer, more = sorted((before, after), key=len)
        rest = iter(more)
        assert all(block in rest for block in fewer)  # in their order


def test_one_of_several_stacks_must_be_deep():
    space = compile_space(flower_cnn.space)
    stacks = Stacks(space, 2, 2)
    rng = np.random.default_rng(0)
    found = set()
    for _ in range(80):
        point = flower_cnn.flat(space.point(stacks.draw(rng)))
        found.add((point["n_conv_layers"], point["n_fc_layers"]))
    assert found == {(1, 2), (2, 1), (2, 2)}


def test_next_larger_depth_keeps_the_limits():
    (group,) = [group for group in SPACE.block_stacks if group.depth == "n_blocks"]
    vals = Stacks(SPACE, 4, 4).draw(np.random.default_rng(0))
    assert Stacks(SPACE).longer(group, vals) == 5
    assert Stacks(SPACE, 0, 4).longer(group, vals) is None
    assert depth(Stacks(SPACE).resized(vals, group, 5, np.random.default_rng(0))) == 5


def test_without_limits_all_depths_are_allowed():
    rng = np.random.default_rng(0)
    vals = SPACE.draw(rng)
    assert Stacks(SPACE).fitted(vals, rng) == vals
    assert Stacks(SPACE).allowed == {}


def test_impossible_numbers_of_blocks_are_refused():
    Stacks(SPACE, 0, 1).check()
    with pytest.raises(UserError, match="no stack of the space has 9 to 20 blocks, but 1 to 8"):
        Stacks(SPACE, 9, 20).check()
    with pytest.raises(UserError, match="the space has no stack"):
        Stacks(compile_space({"x": hp.uniform("x", 0, 1)}), 0, 3).check()
