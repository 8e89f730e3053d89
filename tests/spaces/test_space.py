import json
import pickle
from typing import Any

import numpy as np
import pytest
from hyperopt import hp, space_eval

from metaopt.errors import UserError
from metaopt.spaces import Vals, compile_space
from tests.spaces.examples import EXAMPLES

DRAWS = 60


def types(point: Any) -> Any:
    """The point with each leaf replaced by its type."""
    if isinstance(point, dict):
        return {key: types(value) for key, value in point.items()}
    return tuple(map(types, point)) if isinstance(point, tuple) else type(point)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_point_is_what_space_eval_returns_in_plain_numbers(name: str) -> None:
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
def test_a_draw_has_the_active_labels_exactly(name: str) -> None:
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


def test_draws_are_a_function_of_the_generator() -> None:
    draws = [compile_space(EXAMPLES["shared"]()).draw(np.random.default_rng(5)) for _ in range(2)]
    assert draws[0] == draws[1]


def test_vals_carry_who_proposed_them() -> None:
    assert not Vals().model_based
    assert Vals().parent is None
    vals = Vals({"x": 1.0}, model_based=True, parent=7)
    for copy in (vals, pickle.loads(pickle.dumps(vals))):
        assert copy == {"x": 1.0}
        assert copy.model_based
        assert copy.parent == 7
    assert json.dumps(vals) == '{"x": 1.0}'


def test_missing_and_impossible_values_are_named() -> None:
    space = compile_space(EXAMPLES["nested"]())
    with pytest.raises(UserError, match="lack 'layers'"):
        space.point({"model": 1})
    with pytest.raises(UserError, match="lack 'two_a'"):
        space.restrict({"model": 1, "layers": 1, "two_b": 0})
    with pytest.raises(UserError, match="lack 'two_b'"):
        space.active({"model": 1, "layers": 1})
    assert space.active({"model": 1, "layers": 0}) == {"model", "layers", "one"}
    for index in (3, -1, 0.5):
        with pytest.raises(UserError, match="'model' has 3 options"):
            space.point({"model": index})


def test_restrict_drops_what_is_inactive_and_makes_plain_numbers() -> None:
    space = compile_space(EXAMPLES["nested"]())
    given = {"one": np.float64(5), "free": 0.5, "layers": np.int64(0), "model": np.int64(1)}
    vals = space.restrict(given)
    assert list(vals.items()) == [("model", 1), ("layers", 0), ("one", 5)]
    assert {type(value) for value in vals.values()} == {int}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_space_survives_pickling(name: str) -> None:
    space = compile_space(EXAMPLES[name]())
    vals = space.draw(np.random.default_rng(6))
    point = space.point(vals)
    copy = pickle.loads(pickle.dumps(space))
    assert copy == space
    assert hash(copy) == hash(space)
    assert copy.point(vals) == point
    assert copy.vals(point).keys() == space.vals(point).keys()


def test_an_error_of_the_users_own_operation_is_not_taken_for_a_missing_label() -> None:
    space = compile_space({"x": hp.choice("x", [{"a": 1}, {"b": 2}])["a"]})
    assert space.point({"x": 0}) == {"x": 1}
    with pytest.raises(KeyError):
        space.point({"x": 1})


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_draw_is_what_completing_nothing_gives_label_by_label(name: str) -> None:
    """Both go the same way through the space; only the draw takes short cuts."""
    space = compile_space(EXAMPLES[name]())
    for seed in range(DRAWS):
        drawn = space.draw(np.random.default_rng(seed))
        assert list(drawn.items()) == list(space.complete({}, np.random.default_rng(seed)).items())
