import json
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hyperopt import hp, space_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from metaopt.errors import UserError
from metaopt.spaces import compile_space
from tests.spaces.checks import check_draw
from tests.spaces.examples import EXAMPLES
from tests.spaces.random_spaces import random_space

DRAWS = 60

seeds = st.integers(0, 2**32 - 1)


def types(point: Any) -> Any:
    """Replace each leaf of a point by its type."""
    if isinstance(point, dict):
        return {key: types(value) for key, value in point.items()}
    return tuple(map(types, point)) if isinstance(point, tuple) else type(point)


@pytest.mark.parametrize("name", EXAMPLES)
def test_point_equals_space_eval_in_plain_numbers(name: str) -> None:
    expression = EXAMPLES[name]()
    space = compile_space(expression)
    rng = np.random.default_rng(3)
    for _ in range(DRAWS):
        vals = space.draw(rng)
        point = space.point(vals)
        assert point == space_eval(expression, vals)
        assert list(point) == list(space_eval(expression, vals))
        json.dumps(point)
        as_numpy = {label: np.asarray(value)[()] for label, value in vals.items()}
        assert types(space.point(as_numpy)) == types(point)


@pytest.mark.parametrize("name", EXAMPLES)
def test_draw_has_exactly_the_active_labels(name: str) -> None:
    space = compile_space(EXAMPLES[name]())
    rng = np.random.default_rng(4)
    seen: set[str] = set()
    for _ in range(DRAWS):
        vals = space.draw(rng)
        assert vals.keys() == space.active(vals)
        by_conditions = {
            one.label
            for one in space.parameters
            if any(all(vals.get(choice) == index for choice, index in every) for every in one.conditions)
        }
        assert vals.keys() == by_conditions
        seen |= vals.keys()
    assert seen == set(space.labels)


def test_equal_generators_give_equal_draws() -> None:
    draws = [compile_space(EXAMPLES["shared"]()).draw(np.random.default_rng(5)) for _ in range(2)]
    assert draws[0] == draws[1]


def test_missing_and_invalid_values_are_named() -> None:
    space = compile_space(EXAMPLES["nested"]())
    with pytest.raises(UserError, match="Missing value for hyperparameter 'layers'"):
        space.point({"model": 1})
    with pytest.raises(UserError, match="Missing value for hyperparameter 'two_a'"):
        space.restrict({"model": 1, "layers": 1, "two_b": 0})
    with pytest.raises(UserError, match="Missing value for hyperparameter 'two_b'"):
        space.active({"model": 1, "layers": 1})
    assert space.active({"model": 1, "layers": 0}) == {"model", "layers", "one"}
    for index in (3, -1, 0.5):
        with pytest.raises(UserError, match=r"hyperparameter 'model': .* Expected the index of an option, 0 to 2"):
            space.point({"model": index})


def test_restrict_drops_inactive_labels_and_casts_values() -> None:
    space = compile_space(EXAMPLES["nested"]())
    given = {"one": np.float64(5), "free": 0.5, "layers": np.int64(0), "model": np.int64(1)}
    vals = space.restrict(given)
    assert list(vals.items()) == [("model", 1), ("layers", 0), ("one", 5)]
    assert {type(value) for value in vals.values()} == {int}


@pytest.mark.parametrize("name", EXAMPLES)
def test_space_survives_pickling(name: str) -> None:
    space = compile_space(EXAMPLES[name]())
    vals = space.draw(np.random.default_rng(6))
    point = space.point(vals)
    copy = pickle.loads(pickle.dumps(space))
    assert copy == space
    assert hash(copy) == hash(space)
    assert copy.point(vals) == point
    assert copy.vals(point).keys() == space.vals(point).keys()


def test_key_error_of_an_operation_is_raised_unchanged() -> None:
    space = compile_space({"x": hp.choice("x", [{"a": 1}, {"b": 2}])["a"]})
    assert space.point({"x": 0}) == {"x": 1}
    with pytest.raises(KeyError):
        space.point({"x": 1})


@pytest.mark.parametrize("name", EXAMPLES)
def test_draw_equals_complete_without_values(name: str) -> None:
    """``draw`` is an optimised version of ``complete``."""
    space = compile_space(EXAMPLES[name]())
    for seed in range(DRAWS):
        drawn = space.draw(np.random.default_rng(seed))
        assert list(drawn.items()) == list(space.complete({}, np.random.default_rng(seed)).items())


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(seeds, seeds)
def test_decode_inverts_encode(which: int, seed: int) -> None:
    space = compile_space([random_space(which)])
    rng = np.random.default_rng(seed)
    vals = space.draw(rng)
    units, mask = space.encode(vals)
    assert units.shape == mask.shape == (len(space.parameters),)
    assert ((units > 0) & (units < 1)).all()
    assert [label for label, active in zip(space.labels, mask, strict=True) if active] == [
        label for label in space.labels if label in vals
    ]
    assert (units[~mask] == 0.5).all()
    assert space.decode(units) == pytest.approx(vals, rel=1e-9, abs=1e-9)
    for corner in (0.0, 1.0, rng.integers(0, 2, len(mask)).astype(float)):
        check_draw(space, space.decode(np.full(len(mask), corner)))


def test_unit_values_of_known_values() -> None:
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
    units, mask = space.encode(vals)
    assert dict(zip(space.labels, units, strict=True)) == pytest.approx(
        {"a": 0.25, "b": 0.25, "c": 0.5, "d": 0.375, "e": 0.5, "f": 0.6, "g": 0.375}
    )
    assert dict(zip(space.labels, mask, strict=True))["e"] == np.False_
    # 4 is what is drawn between 3.5 and 4, an eighth of the range.
    units, _ = space.encode(vals | {"d": 2, "e": 4.0})
    assert dict(zip(space.labels, units, strict=True))["e"] == pytest.approx(15 / 16)
