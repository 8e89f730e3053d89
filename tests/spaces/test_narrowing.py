"""Narrowing of compiled spaces."""

import numpy as np
from hyperopt import hp
from hyperopt.pyll import as_apply, scope

from metaopt.spaces import compile_space
from metaopt.spaces.distributions import Distribution
from metaopt.spaces.narrowing import narrow_space, narrowed_vals, selecting_labels
from metaopt.zoo import conv_stack
from tests.spaces.checks import check_draw

SPACE = {
    "x": hp.uniform("x", 0, 10),
    "kind": hp.choice("kind", ["a", {"units": hp.uniformint("units", 1, 9)}, "c"]),
    "branch": hp.pchoice("branch", [(0.5, 1), (0.3, 2), (0.2, 3)]),
}
RANGES = {"x": Distribution("uniform", (2, 3))}


def test_ranges_and_options_are_replaced() -> None:
    narrowed = narrow_space(compile_space(SPACE), RANGES, {"kind": [1, 2], "branch": [0, 2]})
    assert narrowed == compile_space(
        {
            "x": hp.uniform("x", 2, 3),
            "kind": hp.choice("kind", [{"units": hp.uniformint("units", 1, 9)}, "c"]),
            "branch": hp.pchoice("branch", [(0.5 / 0.7, 1), (0.2 / 0.7, 3)]),
        }
    )


def test_a_single_option_replaces_its_choice() -> None:
    narrowed = narrow_space(compile_space(SPACE), {}, {"kind": [1]})
    assert set(narrowed.labels) == {"x", "units", "branch"}
    assert narrowed.by_label["units"].conditions == frozenset([frozenset()])


def test_draws_inside_are_draws_of_the_narrowed_space() -> None:
    space, kept = compile_space(SPACE), {"kind": [1, 2], "branch": [0]}
    narrowed, rng = narrow_space(space, RANGES, kept), np.random.default_rng(0)
    inside = 0
    for _ in range(500):
        vals = space.draw(rng)
        found = narrowed_vals(vals, RANGES, kept)
        assert (found is not None) == (2 <= vals["x"] <= 3 and vals["kind"] > 0 and vals["branch"] == 0)
        if found is not None:
            check_draw(narrowed, found)
            assert narrowed.point(found) == space.point(vals)
            inside += 1
    assert inside > 5


def test_shared_blocks_stay_one_node() -> None:
    space = compile_space(conv_stack.make_space(1, 4))
    narrowed = narrow_space(space, {}, {"n_blocks": [1, 2]})
    assert narrowed == compile_space({**conv_stack.make_space(1, 4), "blocks": _blocks([2, 3])})
    assert [stack.labels for stack in narrowed.block_stacks]


def _blocks(depths):
    blocks = [conv_stack._block(f"block_{number}", True) for number in range(4)]
    return hp.choice("n_blocks", [blocks[:n] for n in depths])


def test_an_index_that_is_read_as_a_number_is_not_renumbered() -> None:
    index = hp.randint("index", 2)
    space = compile_space({"a": scope.switch(index, "p", "q"), "n": index, "b": as_apply(hp.choice("b", [1, 2]))})
    assert selecting_labels(space) == {"b"}
