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
def test_decoding_inverts_evaluation_also_through_json(name: str) -> None:
    space = compile_space(EXAMPLES[name]())
    rng = np.random.default_rng(7)
    for _ in range(80):
        vals = space.draw(rng)
        point = space.point(vals)
        for given in (point, json.loads(json.dumps(point))):
            found = space.vals(given)
            assert space.point(found) == point
            if name not in ("operations", "shared"):  # there several draws make one point
                assert found == pytest.approx(vals)


def test_the_records_of_the_reference_are_decoded(shared: Path) -> None:
    import space as reference

    space = compile_space(reference.space)
    files = sorted((shared / "data" / "cifar100_trials").glob("*.json"))
    assert len(files) == 42
    for file in files:
        point = json.loads(file.read_text())["space"]
        vals = space.vals(point, defaults={"kernel_initializer": "glorot_uniform"})
        assert vals["kernel_initializer"] == 0
        assert space.point(vals) == {**point, "kernel_initializer": "glorot_uniform"}


@pytest.mark.parametrize(
    ("expression", "point", "vals"),
    [
        # Ties go to the first option.
        (hp.choice("c", [1, 1, 2]), 1, {"c": 0}),
        (hp.choice("c", [hp.uniform("a", 0, 2), hp.uniform("b", 1, 3)]), 1.5, {"c": 0, "a": 1.5}),
        (hp.choice("c", [hp.uniform("a", 0, 2), hp.uniform("b", 1, 3)]), 2.5, {"c": 1, "b": 2.5}),
        # None is no number, True is not 1.
        (hp.choice("c", [0, False, None]), None, {"c": 2}),
        (hp.choice("c", [0, False, None]), False, {"c": 1}),
        (hp.choice("c", [1, True]), True, {"c": 1}),
        (hp.choice("c", [hp.uniform("a", 0, 2), True]), True, {"c": 1}),
        (hp.choice("c", [3, 4]), 4.0, {"c": 1}),
        # A dict is recognised by its keys.
        (hp.choice("c", [{"a": 1}, {"a": 1, "b": hp.randint("r", 3)}]), {"a": 1, "b": 2}, {"c": 1, "r": 2}),
    ],
)
def test_the_branch_that_fits_is_chosen(expression: Any, point: Any, vals: dict[str, float]) -> None:
    assert compile_space([expression]).vals([point]) == vals


def test_a_shared_parameter_forces_a_later_option() -> None:
    x, y = hp.uniform("x", 0, 1), hp.uniform("y", 0, 1)
    space = compile_space({"a": hp.choice("c", [x, y]), "b": x})
    assert space.vals({"a": 0.5, "b": 0.7}) == {"c": 1, "x": 0.7, "y": 0.5}
    assert space.vals({"a": 0.7, "b": 0.7}) == {"c": 0, "x": 0.7}


def test_a_contradiction_is_named() -> None:
    x = hp.uniform("x", 0, 1)
    with pytest.raises(UserError, match=r"b makes 'x' 0\.7, and another key makes it 0\.5"):
        compile_space({"a": x, "b": x}).vals({"a": 0.5, "b": 0.7})


def test_many_ambiguous_choices_before_a_misfit_take_no_time() -> None:
    """Tried in every combination they would take longer than the universe is old."""
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
        ({"rate": 0.5, "kind": None, "size": [1, 2], "sise": 1}, "sise is no key of it (is size meant?)"),
        ({"rate": 1.5, "kind": None, "size": [1, 2]}, "rate is 1.5, which 'r' (uniform of 0, 1) cannot be"),
        ({"rate": "x", "kind": None, "size": [1, 2]}, 'rate is "x"'),
        ({"rate": 0.5, "kind": 7, "size": [1, 2]}, "kind is 7, which is none of the options of 'k'"),
        ({"rate": 0.5, "kind": {"depth": 9}, "size": [1, 2]}, "kind.depth is 9, which 'd'"),
        ({"rate": 0.5, "kind": None, "size": [1]}, "size must be a list of 2"),
        ({"rate": 0.5, "kind": None, "size": [1, 3]}, "size.1 must be 2, and is 3"),
        ([0.5], "it must be a dict with the keys kind, rate, size"),
    ],
)
def test_what_does_not_fit_is_named(point: Any, message: str) -> None:
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


def test_what_has_no_inverse_is_said() -> None:
    space = compile_space({"x": hp.uniform("a", 0, 1) + hp.uniform("b", 0, 1)})
    with pytest.raises(UserError, match=r"x is 1\.5, which cannot be traced back through scope\.add"):
        space.vals({"x": 1.5})
