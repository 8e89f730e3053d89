import json
import math
from collections.abc import Mapping

import numpy as np
import pytest
from hyperopt import hp
from hypothesis import given, settings
from hypothesis import strategies as st

from metaopt.spaces import Distribution, Space, Vals, compile_space
from metaopt.spaces.blocks import delete_block, duplicate_last, insert_block, swap_blocks
from metaopt.spaces.operators import cross, perturb
from tests.spaces.examples import EXAMPLES
from tests.spaces.random_spaces import random_space

seeds = st.integers(0, 2**32 - 1)


def check(space: Space, vals: Mapping[str, float]) -> None:
    """The values are a draw: exactly the active labels, each with a value that its prior can have, of its type."""
    assert isinstance(vals, Vals)
    assert vals.keys() == space.active(vals)
    for label, value in vals.items():
        distribution = space.by_label[label].distribution
        assert distribution.fit(value) == value, (label, distribution, value)
        assert type(value) is (int if distribution.is_integer else float)
    json.dumps(space.point(vals))


@settings(deadline=None, max_examples=300)
@given(seeds, seeds)
def test_every_operator_makes_a_draw_of_the_space(which: int, seed: int) -> None:
    space = compile_space([random_space(which)])
    rng = np.random.default_rng(seed)
    first, second = space.draw(rng), space.draw(rng)
    check(space, first)
    before = dict(first), dict(second)
    check(space, cross(space, first, second, rng))
    check(space, space.complete({**second, **first}, rng))
    for width in (1e-3, 0.3, 5.0):
        some = [label for label in first if rng.random() < 0.5]
        check(space, perturb(space, first, some, rng, width=width))
        check(space, perturb(space, first, some, rng, width=width, upwards=True))
    for group in space.groups:
        if group.active(first):
            for operator in (delete_block, duplicate_last, insert_block, swap_blocks):
                changed = operator(space, group, first, rng)
                if changed is not None:
                    check(space, changed)
    assert (dict(first), dict(second)) == before


@settings(deadline=None, max_examples=300)
@given(seeds, seeds)
def test_every_draw_has_its_place_in_the_unit_cube(which: int, seed: int) -> None:
    space = compile_space([random_space(which)])
    rng = np.random.default_rng(seed)
    vals = space.draw(rng)
    places, mask = space.encode(vals)
    assert places.shape == mask.shape == (len(space.parameters),)
    assert ((places > 0) & (places < 1)).all()
    assert [label for label, active in zip(space.labels, mask, strict=True) if active] == [
        label for label in space.labels if label in vals
    ]
    assert (places[~mask] == 0.5).all()
    assert space.decode(places) == pytest.approx(vals, rel=1e-9, abs=1e-9)
    for corner in (0.0, 1.0, rng.integers(0, 2, len(mask)).astype(float)):
        check(space, space.decode(np.full(len(mask), corner)))


def test_the_place_of_known_values() -> None:
    space = compile_space(
        {
            "a": hp.uniform("a", 2, 6),
            "b": hp.loguniform("b", math.log(1e-4), math.log(1)),
            "c": hp.normal("c", 5, 2),
            "d": hp.choice("d", ["x", "y", hp.quniform("e", 0, 4, 1), "z"]),
            "f": hp.pchoice("f", [(0.2, 1), (0.8, 2)]),
            "g": hp.randint("g", 5, 9),
        }
    )
    vals = {"a": 3.0, "b": 1e-3, "c": 5.0, "d": 1, "f": 1, "g": 6}
    places, mask = space.encode(vals)
    assert dict(zip(space.labels, places, strict=True)) == pytest.approx(
        {"a": 0.25, "b": 0.25, "c": 0.5, "d": 0.375, "e": 0.5, "f": 0.6, "g": 0.375}
    )
    assert dict(zip(space.labels, mask, strict=True))["e"] == np.False_
    # 4 is what is drawn between 3.5 and 4, an eighth of the range.
    places, _ = space.encode(vals | {"d": 2, "e": 4.0})
    assert dict(zip(space.labels, places, strict=True))["e"] == pytest.approx(15 / 16)


@pytest.mark.parametrize(
    ("name", "args", "start", "spread"),
    [
        ("uniform", (0, 10), 5.0, 10),
        ("normal", (3, 2), 4.0, 2 * math.sqrt(12)),
        ("loguniform", (math.log(1e-3), math.log(1e3)), 1.0, math.log(1e6)),
        ("lognormal", (0, 1), 2.0, math.sqrt(12)),
    ],
)
def test_the_step_is_gaussian_on_the_scale_of_the_prior(
    name: str, args: tuple[float, ...], start: float, spread: float
) -> None:
    label = compile_space({"x": getattr(hp, name)("x", *args)})
    rng = np.random.default_rng(0)
    found = np.array([perturb(label, {"x": start}, ["x"], rng, width=0.05)["x"] for _ in range(4000)])
    steps = np.log(found / start) if "log" in name else found - start
    assert np.std(steps) == pytest.approx(0.05 * spread, rel=0.05)
    assert abs(np.mean(steps)) < 0.05 * spread * 4 / math.sqrt(4000)


def test_steps_are_mirrored_at_the_bounds() -> None:
    space = compile_space({"x": hp.uniform("x", 0, 1)})
    rng = np.random.default_rng(1)
    found = np.array([perturb(space, {"x": 0.0}, ["x"], rng, width=0.1)["x"] for _ in range(4000)])
    assert np.mean(found) == pytest.approx(0.1 * math.sqrt(2 / math.pi), rel=0.05)  # of a half normal distribution
    wide = [perturb(space, {"x": 0.3}, ["x"], rng, width=30.0)["x"] for _ in range(2000)]
    assert np.mean(wide) == pytest.approx(0.5, abs=0.03)
    assert 0 <= min(wide) < max(wide) <= 1


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "constant"])
def test_a_perturbed_parameter_always_has_another_value(name: str) -> None:
    space = compile_space(EXAMPLES[name]())
    rng = np.random.default_rng(2)
    for _ in range(50):
        vals = space.draw(rng)
        label = str(rng.choice(list(vals)))
        assert perturb(space, vals, [label], rng, width=0.01)[label] != vals[label]


def test_what_was_not_named_stays() -> None:
    space = compile_space(EXAMPLES["every_distribution"]())
    rng = np.random.default_rng(3)
    vals = space.draw(rng)
    changed = perturb(space, vals, ["uniform", "choice"], rng, width=0.1)
    assert {label for label in vals if changed[label] != vals[label]} == {"uniform", "choice"}


def test_options_become_others_as_likely_as_under_the_prior() -> None:
    space = compile_space({"x": hp.pchoice("x", [(0.2, 0), (0.5, 1), (0.3, 2), (0.0, 3)]), "y": hp.choice("y", [1])})
    rng = np.random.default_rng(4)
    found = [perturb(space, {"x": 1, "y": 0}, ["x", "y"], rng, width=0.1) for _ in range(2000)]
    assert {vals["y"] for vals in found} == {0}
    counts = np.bincount([int(vals["x"]) for vals in found], minlength=4) / 2000
    assert counts == pytest.approx([0.4, 0, 0.6, 0], abs=0.04)


def test_upwards_numbers_grow_until_their_bound() -> None:
    space = compile_space({"x": hp.qloguniform("x", math.log(4), math.log(64), 1)})
    rng = np.random.default_rng(5)
    vals = {"x": 8.0}
    for _ in range(30):
        wider = perturb(space, vals, ["x"], rng, width=0.2, upwards=True)
        assert wider["x"] > vals["x"] or vals["x"] == 64
        vals = wider
    assert vals["x"] == 64


def test_what_a_new_choice_makes_active_is_drawn_from_the_prior() -> None:
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


def test_conditional_parts_come_with_the_choice_that_needs_them() -> None:
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


def a_stack(most: int = 8, least: int = 0) -> Space:
    blocks = [{"k": hp.uniform(f"k{i}", 0, 1), "s": hp.uniform(f"s{i}", 0, 1)} for i in range(most)]
    return compile_space({"blocks": hp.choice("n", [blocks[:n] for n in range(least, most + 1)])})


def stacked(ks: list[float]) -> dict[str, float]:
    """A draw of ``a_stack`` whose blocks have these values, s half of k."""
    return {"n": len(ks), **{f"k{i}": k for i, k in enumerate(ks)}, **{f"s{i}": k / 2 for i, k in enumerate(ks)}}


def test_the_child_of_two_stacks_has_the_mean_of_their_depths_and_whole_blocks_of_theirs() -> None:
    space = a_stack()
    rng = np.random.default_rng(9)
    for short, long in ((2, 7), (1, 8), (3, 3), (0, 5), (4, 6)):
        first = stacked([0.1 + i / 100 for i in range(short)])
        second = stacked([0.5 + i / 100 for i in range(long)])
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


def test_delete_and_duplicate_and_swap_and_insert() -> None:
    space = a_stack(5, 1)
    (group,) = space.groups
    rng = np.random.default_rng(10)
    vals = {**stacked([0.1, 0.2, 0.3]), "n": 2}

    def ks(draw: Mapping[str, float] | None) -> list[float]:
        assert draw is not None
        check(space, draw)
        assert all(
            draw[f"s{i}"] == draw[f"k{i}"] / 2 or draw[f"k{i}"] not in (0.1, 0.2, 0.3)
            for i in range(group.length(draw))
        )
        return [draw[f"k{i}"] for i in range(group.length(draw))]

    shorter = {tuple(ks(delete_block(space, group, vals, rng))) for _ in range(50)}
    assert shorter == {(0.1, 0.2), (0.1, 0.3), (0.2, 0.3)}
    assert ks(duplicate_last(space, group, vals, rng)) == [0.1, 0.2, 0.3, 0.3]
    swapped = {tuple(ks(swap_blocks(space, group, vals, rng))) for _ in range(50)}
    assert swapped == {(0.2, 0.1, 0.3), (0.3, 0.2, 0.1), (0.1, 0.3, 0.2)}
    places = set()
    for _ in range(60):
        longer = ks(insert_block(space, group, vals, rng))
        (new,) = [k for k in longer if k not in (0.1, 0.2, 0.3)]
        places.add(longer.index(new))
        assert [k for k in longer if k != new] == [0.1, 0.2, 0.3]
    assert places == {0, 1, 2, 3}
    assert delete_block(space, group, {"n": 0, "k0": 0.1, "s0": 0.2}, rng) is None
    assert swap_blocks(space, group, {"n": 0, "k0": 0.1, "s0": 0.2}, rng) is None
    full = space.complete({"n": 4}, rng)
    assert duplicate_last(space, group, full, rng) is insert_block(space, group, full, rng) is None


def test_where_only_some_depths_are_on_offer_as_many_blocks_go_and_come() -> None:
    blocks = [hp.uniform(f"k{i}", 0, 1) for i in range(8)]
    space = compile_space(hp.choice("n", [blocks[:n] for n in (2, 4, 8)]))
    (group,) = space.groups
    rng = np.random.default_rng(11)
    vals = space.complete({"n": 1}, rng)
    for operator, expected in ((delete_block, 2), (duplicate_last, 8), (insert_block, 8), (swap_blocks, 4)):
        changed = operator(space, group, vals, rng)
        assert changed is not None
        check(space, changed)
        assert group.length(changed) == expected


def test_a_value_that_moves_to_another_range_keeps_its_place_in_it() -> None:
    blocks = [hp.uniform(f"k{i}", 10 * i, 10 * i + 10) for i in range(3)]
    space = compile_space(blocks)
    (group,) = space.groups if space.groups else (None,)
    assert group is None  # without a depth, blocks must be alike
    space = compile_space(hp.choice("n", [blocks[:2], blocks]))
    (group,) = space.groups
    moved = duplicate_last(space, group, {"n": 0, "k0": 3.0, "k1": 14.0}, np.random.default_rng(0))
    assert moved == pytest.approx({"n": 1, "k0": 3.0, "k1": 14.0, "k2": 24.0})


def test_the_distribution_function_is_inverted() -> None:
    rng = np.random.default_rng(12)
    for parameter in compile_space(EXAMPLES["every_distribution"]()).parameters:
        distribution: Distribution = parameter.distribution
        quantile = distribution.quantile()
        for unit in rng.random(100):
            value = quantile(unit)
            assert quantile(distribution.unit(value)) == pytest.approx(value)
            if distribution.step is None:
                assert distribution.unit(value) == pytest.approx(unit)


def test_one_of_very_many_options_is_drawn_without_writing_them_down() -> None:
    space = compile_space({"seed": hp.randint("seed", 2**31), "k": hp.randint("k", 12_000, 24_000)})
    rng = np.random.default_rng(0)
    vals = space.draw(rng)
    found = [perturb(space, vals, ["seed", "k"], rng, width=0.1) for _ in range(200)]
    assert all(each["seed"] != vals["seed"] and each["k"] != vals["k"] for each in found)
    assert min(each["k"] for each in found) < 12_400
    assert max(each["k"] for each in found) > 23_600
    for each in found:
        check(space, each)
