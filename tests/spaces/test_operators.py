import math

import numpy as np
import pytest
from hyperopt import hp
from hypothesis import given, settings
from hypothesis import strategies as st

from metaopt.spaces import compile_space
from metaopt.spaces.block_operators import delete_block, duplicate_last, insert_block, swap_blocks
from metaopt.spaces.operators import cross, perturb
from tests.spaces.checks import check_draw, make_stack_space, make_stack_vals
from tests.spaces.examples import EXAMPLES
from tests.spaces.random_spaces import random_space

seeds = st.integers(0, 2**32 - 1)


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(seeds, seeds)
def test_every_operator_returns_a_valid_draw(which: int, seed: int) -> None:
    space = compile_space([random_space(which)])
    rng = np.random.default_rng(seed)
    first, second = space.draw(rng), space.draw(rng)
    check_draw(space, first)
    before = dict(first), dict(second)
    check_draw(space, cross(space, first, second, rng))
    check_draw(space, space.complete({**second, **first}, rng))
    for width in (1e-3, 0.3, 5.0):
        some = [label for label in first if rng.random() < 0.5]
        check_draw(space, perturb(space, first, some, rng, width=width))
        check_draw(space, perturb(space, first, some, rng, width=width, upwards=True))
    for stack in space.block_stacks:
        if stack.active(first):
            for operator in (delete_block, duplicate_last, insert_block, swap_blocks):
                changed = operator(space, stack, first, rng)
                if changed is not None:
                    check_draw(space, changed)
    assert (dict(first), dict(second)) == before


@pytest.mark.parametrize(
    ("name", "args", "start", "spread"),
    [
        ("uniform", (0, 10), 5.0, 10),
        ("normal", (3, 2), 4.0, 2 * math.sqrt(12)),
        ("loguniform", (math.log(1e-3), math.log(1e3)), 1.0, math.log(1e6)),
        ("lognormal", (0, 1), 2.0, math.sqrt(12)),
    ],
)
def test_step_is_gaussian_on_the_scale_of_the_prior(
    name: str, args: tuple[float, ...], start: float, spread: float
) -> None:
    label = compile_space({"x": getattr(hp, name)("x", *args)})
    rng = np.random.default_rng(0)
    found = np.array([perturb(label, {"x": start}, ["x"], rng, width=0.05)["x"] for _ in range(4000)])
    steps = np.log(found / start) if "log" in name else found - start
    assert np.std(steps) == pytest.approx(0.05 * spread, rel=0.05)
    assert abs(np.mean(steps)) < 0.05 * spread * 4 / math.sqrt(4000)


def test_steps_are_reflected_at_the_bounds() -> None:
    space = compile_space({"x": hp.uniform("x", 0, 1)})
    rng = np.random.default_rng(1)
    found = np.array([perturb(space, {"x": 0.0}, ["x"], rng, width=0.1)["x"] for _ in range(4000)])
    assert np.mean(found) == pytest.approx(0.1 * math.sqrt(2 / math.pi), rel=0.05)  # of a half normal distribution
    wide = [perturb(space, {"x": 0.3}, ["x"], rng, width=30.0)["x"] for _ in range(2000)]
    assert np.mean(wide) == pytest.approx(0.5, abs=0.03)
    assert 0 <= min(wide) < max(wide) <= 1


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "constant"])
def test_perturbed_parameter_always_changes(name: str) -> None:
    space = compile_space(EXAMPLES[name]())
    rng = np.random.default_rng(2)
    for _ in range(50):
        vals = space.draw(rng)
        label = str(rng.choice(list(vals)))
        assert perturb(space, vals, [label], rng, width=0.01)[label] != vals[label]


def test_other_parameters_keep_their_values() -> None:
    space = compile_space(EXAMPLES["every_distribution"]())
    rng = np.random.default_rng(3)
    vals = space.draw(rng)
    changed = perturb(space, vals, ["uniform", "choice"], rng, width=0.1)
    assert {label for label in vals if changed[label] != vals[label]} == {"uniform", "choice"}


def test_other_options_are_drawn_in_proportion_to_the_prior() -> None:
    space = compile_space({"x": hp.pchoice("x", [(0.2, 0), (0.5, 1), (0.3, 2), (0.0, 3)]), "y": hp.choice("y", [1])})
    rng = np.random.default_rng(4)
    found = [perturb(space, {"x": 1, "y": 0}, ["x", "y"], rng, width=0.1) for _ in range(2000)]
    assert {vals["y"] for vals in found} == {0}
    counts = np.bincount([int(vals["x"]) for vals in found], minlength=4) / 2000
    assert counts == pytest.approx([0.4, 0, 0.6, 0], abs=0.04)


def test_upwards_numbers_increase_up_to_the_bound() -> None:
    space = compile_space({"x": hp.qloguniform("x", math.log(4), math.log(64), 1)})
    rng = np.random.default_rng(5)
    vals = {"x": 8.0}
    for _ in range(30):
        wider = perturb(space, vals, ["x"], rng, width=0.2, upwards=True)
        assert wider["x"] > vals["x"] or vals["x"] == 64
        vals = wider
    assert vals["x"] == 64


def test_newly_active_parameters_are_drawn_from_the_prior() -> None:
    space = compile_space({"x": hp.choice("x", [None, {"y": hp.uniform("y", 0, 1)}])})
    rng = np.random.default_rng(6)
    found = [perturb(space, {"x": 0}, ["x"], rng, width=0.1)["y"] for _ in range(500)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.05)
    assert perturb(space, {"x": 1, "y": 0.25}, ["x", "y"], rng, width=0.1) == {"x": 0}


def test_each_parameter_of_a_child_comes_from_either_parent() -> None:
    space = compile_space({key: hp.uniform(key, 0, 1) for key in "abcdefgh"})
    rng = np.random.default_rng(7)
    first, second = (dict.fromkeys("abcdefgh", value) for value in (0.25, 0.75))
    found = np.array([list(cross(space, first, second, rng).values()) for _ in range(500)])
    assert set(found.ravel()) == {0.25, 0.75}
    assert found.mean(axis=0) == pytest.approx([0.5] * 8, abs=0.04)
    assert abs(np.corrcoef(found.T) - np.eye(8)).max() < 0.2  # independent of each other


def test_conditional_parameters_follow_the_choice_of_the_child() -> None:
    space = compile_space(
        {
            "kind": hp.choice("kind", [{"a": hp.uniform("a", 0, 1)}, {"b": hp.uniform("b", 0, 1)}]),
            "c": hp.uniform("c", 0, 1),
        }
    )
    first, second = {"kind": 0, "a": 0.1, "c": 0.2}, {"kind": 1, "b": 0.3, "c": 0.4}
    rng = np.random.default_rng(8)
    found = {tuple(sorted(cross(space, first, second, rng).items())) for _ in range(200)}
    assert found == {
        tuple(sorted(child.items()))
        for child in (
            {"kind": 0, "a": 0.1, "c": 0.2},
            {"kind": 0, "a": 0.1, "c": 0.4},
            {"kind": 1, "b": 0.3, "c": 0.2},
            {"kind": 1, "b": 0.3, "c": 0.4},
        )
    }


def test_child_inherits_whole_blocks_and_the_mean_depth() -> None:
    space = make_stack_space()
    rng = np.random.default_rng(9)
    for short, long in ((2, 7), (1, 8), (3, 3), (0, 5), (4, 6)):
        first = make_stack_vals([0.1 + i / 100 for i in range(short)])
        second = make_stack_vals([0.5 + i / 100 for i in range(long)])
        children = [
            cross(space, *((first, second) if rng.random() < 0.5 else (second, first)), rng) for _ in range(300)
        ]
        depths = [int(child["n"]) for child in children]
        assert set(depths) == {(short + long) // 2, (short + long + 1) // 2}
        assert np.mean(depths) == pytest.approx((short + long) / 2, abs=0.1)
        for child in children:
            for i in range(int(child["n"])):
                origin = second if i >= short else (first if child[f"k{i}"] < 0.4 else second)
                assert (child[f"k{i}"], child[f"s{i}"]) == (origin[f"k{i}"], origin[f"s{i}"])


def test_option_of_a_huge_randint_is_drawn_fast() -> None:
    space = compile_space({"seed": hp.randint("seed", 2**31), "k": hp.randint("k", 12_000, 24_000)})
    rng = np.random.default_rng(0)
    vals = space.draw(rng)
    found = [perturb(space, vals, ["seed", "k"], rng, width=0.1) for _ in range(200)]
    assert all(each["seed"] != vals["seed"] and each["k"] != vals["k"] for each in found)
    assert min(each["k"] for each in found) < 12_400
    assert max(each["k"] for each in found) > 23_600
    for each in found:
        check_draw(space, each)
