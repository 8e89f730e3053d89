import json
import pickle

from metaopt.spaces import Distribution, Parameter, Vals
from metaopt.spaces.conditions import ALWAYS


def test_vals_keep_their_origin_through_pickling() -> None:
    assert not Vals().model_based
    assert Vals().parent is None
    vals = Vals({"x": 1.0}, model_based=True, parent=7)
    for copy in (vals, pickle.loads(pickle.dumps(vals))):
        assert copy == {"x": 1.0}
        assert copy.model_based
        assert copy.parent == 7
    assert json.dumps(vals) == '{"x": 1.0}'


def test_vals_are_empty_by_default() -> None:
    assert Vals() == {}
    assert not Vals({"x": 1}).model_based


def test_parameter_has_the_properties_of_its_distribution() -> None:
    parameter = Parameter("x", Distribution("pchoice", (0.25, 0.75)), ALWAYS)
    assert (parameter.kind, parameter.args, parameter.n_options) == ("pchoice", (0.25, 0.75), 2)
    assert Parameter("y", Distribution("uniform", (0, 1)), ALWAYS).n_options is None
