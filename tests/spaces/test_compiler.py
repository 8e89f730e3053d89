from typing import Any

import numpy as np
import pytest
from hyperopt import hp
from hyperopt.pyll import scope

from metaopt.errors import UserError
from metaopt.spaces import compile_space
from tests.spaces.examples import EXAMPLES


def test_compiled_space_is_returned_unchanged() -> None:
    space = compile_space({"x": hp.uniform("x", 0, 1)})
    assert compile_space(space) is space


def test_constant_space_has_one_point() -> None:
    space = compile_space(EXAMPLES["constant"]())
    assert space.parameters == ()
    vals = space.draw(np.random.default_rng(0))
    assert vals == {}
    assert space.point(vals) == {"a": 1, "b": (2, None)}
    assert space.vals({"a": 1, "b": [2, None]}) == {}


def test_parameters_have_kind_and_arguments() -> None:
    space = compile_space(EXAMPLES["every_distribution"]())
    assert {one.label: (one.kind, one.args, one.n_options) for one in space.parameters} == {
        "choice": ("choice", (3,), 3),
        "pchoice": ("pchoice", (0.2, 0.5, 0.3), 3),
        "uniform": ("uniform", (-1, 3), None),
        "quniform": ("quniform", (-7, 12, 2.5), None),
        "loguniform": ("loguniform", (-3, 1), None),
        "qloguniform": ("qloguniform", (-1, 4, 3), None),
        "normal": ("normal", (2, 3), None),
        "qnormal": ("qnormal", (2, 3, 0.5), None),
        "lognormal": ("lognormal", (0.5, 1), None),
        "qlognormal": ("qlognormal", (1, 1, 2), None),
        "randint": ("randint", (0, 6), None),
        "randint_from": ("randint", (5, 9), None),
        "uniformint": ("uniformint", (1, 9), None),
    }


def test_arguments_may_be_keywords_and_numpy_scalars() -> None:
    space = compile_space([hp.uniform("a", low=np.float64(0.5), high=np.int64(2)), hp.randint("b", low=2, high=7)])
    assert [(type(arg), arg) for arg in space.by_label["a"].args] == [(float, 0.5), (int, 2)]
    assert space.by_label["b"].args == (2, 7)


def test_int_of_quniform_with_step_one_is_a_uniformint() -> None:
    space = compile_space([scope.int(hp.quniform("whole", 1, 5, 1))])
    assert space.by_label["whole"].kind == "uniformint"


def test_quniform_also_used_as_a_float_stays_a_quniform() -> None:
    units = hp.quniform("units", 1, 5, 1)
    space = compile_space({"int": scope.int(units), "float": units})
    assert space.by_label["units"].kind == "quniform"
    point = space.point({"units": 3.0})
    assert [type(point[key]) for key in ("int", "float")] == [int, float]


def test_switch_on_a_randint_is_a_choice() -> None:
    index = hp.randint("index", 2)
    space = compile_space({"index": index, "of": scope.switch(index, "a", hp.uniform("b", 0, 1))})
    assert space.point({"index": 1, "b": 0.5}) == {"index": 1, "of": 0.5}
    assert space.by_label["b"].conditions == {frozenset({("index", 1)})}


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (3, "Invalid value for space: 3. Expected a dict"),
        (None, "Invalid value for space: None"),
        ({"a": 1, 2: 3}, "keys cannot be sorted"),
        ([hp.uniform("x", 0, 1), hp.uniform("x", 0, 1)], "Two hyperparameters have the label 'x'"),
        ([hp.choice("x", [hp.uniform("x", 0, 1)])], "Two hyperparameters have the label 'x'"),
        ([hp.choice("x", [])], "Invalid hyperparameter 'x', choice(0): there must be at least one option."),
        ([hp.uniform("x", 1, 0)], "'x', uniform(1, 0): low must be < high"),
        ([hp.uniform("x", 0, float("inf"))], "finite"),
        ([hp.uniform("x", 0, 10**400)], r"uniform(0, inf): the arguments must be finite"),
        ([hp.uniform("x", -1e308, 1e308)], "high - low must be at least 1e-300 and finite"),
        ([hp.uniform("x", 0, 5e-324)], "high - low must be at least 1e-300 and finite"),
        ([hp.quniform("x", 0, 1, 0)], "q must be > 0"),
        ([hp.normal("x", 0, -1)], "sigma must be > 0"),
        ([hp.loguniform("x", 16, 1024)], "logarithms"),
        ([hp.randint("x", 2.5)], "the bounds must be integers"),
        ([hp.randint("x", 5, 5)], "low must be < high"),
        ([hp.pchoice("x", [(0.5, 1), (0.2, 2)])], "sum to 1"),
        ([hp.uniform("x", 0)], "'x' lacks the argument 'high'"),
        ([hp.normal("x", "0", 1)], "An argument of hyperparameter 'x' is '0'. Expected a number."),
        ([hp.uniform("x", 0, hp.uniform("y", 1, 2))], "'x' depends on another hyperparameter"),
        ([scope.uniform(0, 1)], "scope.uniform(…) without a label"),
        ([scope.switch(scope.int(hp.uniform("x", 0, 2)), 1, 2)], "computed index"),
        ([scope.switch(hp.randint("x", 3), 1, 2)], "one of 2 options, but has values from 0 to 2"),
        ([hp.uniform(b"x", 0, 1)], "Invalid label of a hyperparameter: b'x'. Expected a string."),
    ],
)
def test_invalid_spaces_are_rejected(space: Any, message: str) -> None:
    with pytest.raises(UserError) as caught:
        compile_space(space)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_label_that_is_no_utf8_is_searched() -> None:
    spaces = [compile_space({"x": hp.uniform(label, 0, 1)}) for label in ("\udcff", "\udcfe")]
    assert spaces[0].digest != spaces[1].digest
