from typing import Any

import numpy as np
import pytest

from metaopt.errors import UserError
from metaopt.spaces.evaluation import check_index, make_evaluator, to_python_number
from metaopt.spaces.nodes import Choice, Constant, Dict, Node, Operation, Sequence, Value

X, N = Value("x"), Value("n")


@pytest.mark.parametrize(
    ("node", "point"),
    [
        (Constant("a"), "a"),
        (X, 0.5),
        (N, 3),
        (Choice("c", (Constant("a"), Constant("b"))), "b"),
        (Choice("c", (Constant("a"), Dict((("n", N),)))), {"n": 3}),
        (Sequence((N, Sequence((X,)))), (3, (0.5,))),
        (Operation("pow", lambda a, b: np.float64(a) ** b, (N,), (("b", Constant(2)),)), 9.0),
    ],
)
def test_every_kind_of_node_is_evaluated(node: Node, point: Any) -> None:
    found = make_evaluator(node, {"n"})({"x": 0.5, "n": np.int64(3), "c": 1})
    assert found == point
    assert type(found) is type(point)


def test_only_the_active_option_is_evaluated() -> None:
    evaluate = make_evaluator(Choice("c", (X, Sequence((N,)))), {"n"})
    assert evaluate({"c": 1, "n": 2.0}) == (2,)
    with pytest.raises(KeyError, match="x"):
        evaluate({"c": 0, "n": 2.0})


@pytest.mark.parametrize(("value", "index"), [(0, 0), (1.0, 1), (np.int64(1), 1)])
def test_index_of_an_option_is_an_int(value: float, index: int) -> None:
    found = check_index(Choice("c", (X, N)), value)
    assert (found, type(found)) == (index, int)


@pytest.mark.parametrize("value", [-1, 2, 0.5])
def test_other_indices_are_rejected(value: float) -> None:
    with pytest.raises(UserError, match=rf"'c': {value}\. Expected the index of an option, 0 to 1"):
        check_index(Choice("c", (X, N)), value)


def test_numpy_scalars_become_python_numbers() -> None:
    assert type(to_python_number(np.float32(1))) is float
    assert type(to_python_number(np.int8(1))) is int
    assert to_python_number([1]) == [1]
