import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hyperopt import hp
from hyperopt.pyll import scope

from metaopt.errors import UserError
from metaopt.spaces import compile_space
from tests.spaces.examples import EXAMPLES


@pytest.mark.parametrize("name", EXAMPLES)
def test_vals_inverts_point_also_through_json(name: str) -> None:
    space = compile_space(EXAMPLES[name]())
    rng = np.random.default_rng(7)
    for _ in range(80):
        vals = space.draw(rng)
        point = space.point(vals)
        for given in (point, json.loads(json.dumps(point))):
            found = space.vals(given)
            assert space.point(found) == point
            if name not in ("operations", "shared"):  # several draws give the same point
                assert found == pytest.approx(vals)


def test_vals_are_found_for_the_records_of_the_reference(shared: Path) -> None:
    import space as reference

    space = compile_space(reference.space)
    files = sorted((shared / "data" / "cifar100_trials").glob("*.json"))
    assert len(files) == 42
    for file in files:
        point = json.loads(file.read_text())["space"]
        vals = space.vals(point, defaults=reference.defaults)
        assert (vals["kernel_initializer"], vals["use_global_pooling"]) == (0, 0)
        assert space.point(vals) == {**point, **reference.defaults}


@pytest.mark.parametrize(
    ("expression", "point", "vals"),
    [
        # Ties go to the first option.
        (hp.choice("c", [1, 1, 2]), 1, {"c": 0}),
        (hp.choice("c", [hp.uniform("a", 0, 2), hp.uniform("b", 1, 3)]), 1.5, {"c": 0, "a": 1.5}),
        (hp.choice("c", [hp.uniform("a", 0, 2), hp.uniform("b", 1, 3)]), 2.5, {"c": 1, "b": 2.5}),
        # None is not a number, and True is not 1.
        (hp.choice("c", [0, False, None]), None, {"c": 2}),
        (hp.choice("c", [0, False, None]), False, {"c": 1}),
        (hp.choice("c", [1, True]), True, {"c": 1}),
        (hp.choice("c", [hp.uniform("a", 0, 2), True]), True, {"c": 1}),
        (hp.choice("c", [3, 4]), 4.0, {"c": 1}),
        # A dict is recognised by its keys.
        (hp.choice("c", [{"a": 1}, {"a": 1, "b": hp.randint("r", 3)}]), {"a": 1, "b": 2}, {"c": 1, "r": 2}),
    ],
)
def test_first_option_that_fits_is_selected(expression: Any, point: Any, vals: dict[str, float]) -> None:
    assert compile_space([expression]).vals([point]) == vals


def test_shared_parameter_rules_out_an_option() -> None:
    x, y = hp.uniform("x", 0, 1), hp.uniform("y", 0, 1)
    space = compile_space({"a": hp.choice("c", [x, y]), "b": x})
    assert space.vals({"a": 0.5, "b": 0.7}) == {"c": 1, "x": 0.7, "y": 0.5}
    assert space.vals({"a": 0.7, "b": 0.7}) == {"c": 0, "x": 0.7}


def test_contradicting_values_are_rejected() -> None:
    x = hp.uniform("x", 0, 1)
    with pytest.raises(UserError, match=r"b requires 'x' = 0\.7, but another key requires 0\.5"):
        compile_space({"a": x, "b": x}).vals({"a": 0.5, "b": 0.7})


def test_many_ambiguous_choices_are_solved_fast() -> None:
    """Trying all 2¹⁰⁰ combinations would never end."""
    space = compile_space([*[hp.choice(f"c{i}", [1, 1]) for i in range(100)], hp.choice("last", [2, 3])])
    assert space.vals([1] * 100 + [3])["last"] == 1
    with pytest.raises(UserError, match="100 is 4"):
        space.vals([1] * 100 + [4])


@pytest.mark.parametrize(
    ("expression", "result", "value"),
    [
        (scope.int(hp.quniform("x", 1, 9, 2)), 6, 6.0),
        (scope.int(hp.uniform("x", 2.5, 3.5)), 2, 2.5),
        (scope.int(hp.uniform("x", -1, 1)), 0, 0.0),
        (scope.int(hp.uniform("x", -3.2, -2.2)), -2, -2.5),
        (hp.uniform("x", 0, 9) - 1, 3.0, 4.0),
        (1 - hp.uniform("x", 0, 9), -3.0, 4.0),
        (8 / hp.uniform("x", 1, 9), 2.0, 4.0),
        (scope.log(hp.uniform("x", 1, 9)), float(np.log(4)), 4.0),
        (hp.uniform("x", 1, 9) ** 2, 16.0, 4.0),
    ],
)
def test_operations_are_inverted(expression: Any, result: float, value: float) -> None:
    assert compile_space([expression]).vals([result])["x"] == pytest.approx(value)


def test_defaults_are_found_by_their_path() -> None:
    space = compile_space({"net": {"kernel": hp.choice("k", [3, 5]), "rate": hp.uniform("r", 0, 1)}, "seed": 1})
    assert space.vals({"net": {"rate": 0.5}}, defaults={"net.kernel": 5, "seed": 1}) == {"k": 1, "r": 0.5}


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ({"rate": 0.5, "kind": None}, "size is missing"),
        ({"rate": 0.5, "kind": None, "size": [1, 2], "sise": 1}, "sise is an unknown key (did you mean size?)"),
        (
            {"rate": 1.5, "kind": None, "size": [1, 2]},
            "expected a value of hyperparameter 'r', uniform(0, 1)",
        ),
        ({"rate": "x", "kind": None, "size": [1, 2]}, 'rate is "x"'),
        ({"rate": 0.5, "kind": 7, "size": [1, 2]}, "kind is 7, expected one of the options of 'k'"),
        (
            {"rate": 0.5, "kind": {"depth": 9}, "size": [1, 2]},
            "kind.depth is 9, expected a value of",
        ),
        ({"rate": 0.5, "kind": None, "size": [1]}, "size is [1], expected a list of length 2"),
        ({"rate": 0.5, "kind": None, "size": [1, 3]}, "size.1 is 3, expected 2"),
        ([0.5], "it is [0.5], expected a dict with the keys kind, rate, size"),
    ],
)
def test_mismatch_names_the_key(point: Any, message: str) -> None:
    space = compile_space(
        {
            "rate": hp.uniform("r", 0, 1),
            "kind": hp.choice("k", [None, {"depth": hp.randint("d", 1, 5)}, 3]),
            "size": [1, 2],
        }
    )
    with pytest.raises(UserError) as caught:
        space.vals(point)
    assert message in str(caught.value)


def test_operation_without_inverse_is_rejected() -> None:
    space = compile_space({"x": hp.uniform("a", 0, 1) + hp.uniform("b", 0, 1)})
    with pytest.raises(UserError, match=r"x is 1\.5, for which scope\.add has no inverse"):
        space.vals({"x": 1.5})
