import math

import pytest
from hyperopt.pyll import scope

from metaopt.spaces.operation_inverses import find_preimages


@pytest.mark.parametrize("name", ["float", "neg", "exp", "log", "sqrt", "int"])
def test_unary_operations_of_preimages_give_the_result(name: str) -> None:
    for result in (1.0, 2.5) if name != "int" else (0, 3, -2):
        preimages = find_preimages(name, [], 0, result)
        assert preimages
        assert all(scope._impls[name](number) == pytest.approx(result) for number in preimages)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "pow"])
@pytest.mark.parametrize("position", [0, 1])
def test_binary_operations_of_preimages_give_the_result(name: str, position: int) -> None:
    (number,) = find_preimages(name, [2.0], position, 8.0)
    arguments = (number, 2.0) if position == 0 else (2.0, number)
    assert scope._impls[name](*arguments) == pytest.approx(8.0)


@pytest.mark.parametrize(
    ("name", "constants", "position", "result"),
    [
        ("minimum", [2.0], 0, 1.0),  # no inverse
        ("add", [1.0, 2.0], 0, 4.0),  # too many arguments
        ("add", ["a"], 0, 4.0),
        ("float", [], 0, True),
        ("exp", [], 0, -1.0),  # outside the domain
        ("mul", [0.0], 0, 1.0),
        ("log", [], 0, 1e9),
        ("pow", [0.5], 1, -1.0),
    ],
)
def test_no_preimages_without_an_inverse(name: str, constants: list, position: int, result: float) -> None:
    assert find_preimages(name, constants, position, result) == []


def test_int_has_several_candidates() -> None:
    assert find_preimages("int", [], 0, 2) == [2, 2.5, pytest.approx(3 - 1e-6)]
    assert [math.trunc(number) for number in find_preimages("int", [], 0, 0)] == [0] * 5
