"""Mutations of draws and of stacks of blocks."""

import math
from collections import Counter

import numpy as np
import pytest
from hyperopt import hp

from metaopt.samplers.mutation import mutate, redraw
from metaopt.spaces import compile_space
from metaopt.zoo.conv_stack import make_space
from tests.spaces.checks import check_draw
from tests.spaces.examples import EXAMPLES


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "constant"])
def test_mutation_is_another_valid_draw(name: str) -> None:
    space = compile_space(EXAMPLES[name]())
    rng = np.random.default_rng(0)
    for _ in range(40):
        vals = space.draw(rng)
        before = dict(vals)
        mutated = mutate(space, vals, rng, 0.1)
        check_draw(space, mutated)
        assert mutated != vals
        assert vals == before


def test_equal_generators_give_equal_mutations() -> None:
    space = compile_space(EXAMPLES["blocks"]())
    vals = space.draw(np.random.default_rng(1))
    assert mutate(space, vals, np.random.default_rng(2), 0.1) == mutate(space, vals, np.random.default_rng(2), 0.1)


def test_width_is_the_deviation_of_a_step() -> None:
    space = compile_space({"rate": hp.loguniform("rate", math.log(1e-4), math.log(1))})
    rng = np.random.default_rng(3)
    steps = [math.log(mutate(space, {"rate": 0.01}, rng, 0.05)["rate"] / 0.01) for _ in range(2000)]
    assert np.std(steps) == pytest.approx(0.05 * math.log(1e4), rel=0.06)


def test_mutation_changes_one_or_a_few_parameters() -> None:
    space = compile_space({f"p{'abcdefgh'[i]}": hp.uniform(f"p{'abcdefgh'[i]}", 0, 1) for i in range(8)})
    rng = np.random.default_rng(1)
    vals = space.draw(rng)
    mutated = [mutate(space, vals, rng, 0.1) for _ in range(500)]
    changed = [sum(one[label] != vals[label] for label in vals) for one in mutated]
    assert min(changed) == 1
    # Mean of Binomial(8, 1/8), in which 0 is replaced by 1: 1 + (7/8)⁸.
    assert np.mean(changed) == pytest.approx(1 + (7 / 8) ** 8, abs=0.1)


def test_stacks_mutate_by_every_operator() -> None:
    space = compile_space(make_space(1, 10))
    stack, _ = space.block_stacks
    rng = np.random.default_rng(2)
    vals = space.complete({"n_blocks": 4}, rng)
    found: Counter[str] = Counter()
    for _ in range(400):
        mutated = mutate(space, vals, rng, 0.2)
        check_draw(space, mutated)
        depth = stack.length(mutated)
        changed = {label for label in vals if mutated.get(label) != vals[label]}
        if depth < 5:
            found["shorter"] += 1
        elif depth > 5:
            last = [
                mutated[f"block_5_{what}"] == mutated[f"block_4_{what}"] for what in ("channels", "kernel", "stride")
            ]
            found["duplicated" if all(last) else "inserted"] += 1
        elif not any(label.startswith("block_") for label in changed):
            found["outside"] += 1
        elif len(changed) <= 2:
            found["widened" if any("channels" in label for label in changed) else "changed"] += 1
        else:
            found["swapped"] += 1
    assert {"shorter", "duplicated", "inserted", "outside", "widened", "changed", "swapped"} == found.keys()
    assert min(found.values()) > 10
    assert 0.2 < found["outside"] / 400 < 0.6


def test_all_options_of_a_depth_are_reached() -> None:
    layers = [hp.uniform(f"width_{i}", 0, 1) for i in range(2)]
    plain = compile_space(hp.choice("kind", [layers[:1], layers]))
    mixed = compile_space(hp.choice("kind", [layers[:1], layers, [*layers, "with a head"]]))
    rng = np.random.default_rng(5)
    for space, reached in ((plain, {0, 1}), (mixed, {0, 1, 2})):
        (stack,) = space.block_stacks
        assert stack.depth == "kind"
        vals = space.complete({"kind": 0}, rng)
        found = [mutate(space, vals, rng, 0.1) for _ in range(100)]
        for mutated in found:
            check_draw(space, mutated)
        assert {mutated["kind"] for mutated in found} == reached


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "constant"])
def test_redraw_is_another_valid_draw(name: str) -> None:
    space = compile_space(EXAMPLES[name]())
    rng = np.random.default_rng(0)
    for _ in range(40):
        vals = space.draw(rng)
        redrawn = redraw(space, dict(vals), rng)
        check_draw(space, redrawn)
        assert redrawn != vals


def test_redraw_draws_one_parameter_from_its_prior() -> None:
    space = compile_space({label: hp.uniform(label, 0, 1) for label in ("one", "two", "three")})
    rng = np.random.default_rng(1)
    vals = {"one": 0.9, "two": 0.9, "three": 0.9}
    redrawn = [redraw(space, vals, rng) for _ in range(900)]
    changed = Counter(label for each in redrawn for label in vals if each[label] != vals[label])
    assert sum(changed.values()) == len(redrawn)
    assert all(count == pytest.approx(300, abs=60) for count in changed.values())
    # The mean of the prior, wherever the parameter was: a step of any width would stay near 0.9.
    assert np.mean([each["one"] for each in redrawn if each["one"] != 0.9]) == pytest.approx(0.5, abs=0.06)
