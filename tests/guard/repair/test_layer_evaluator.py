"""Layer evaluator: outputs and costs of single layers agree with the blueprint and with hand calculations."""

import pytest
from hyperopt import hp

from metaopt.blueprint import (
    Add,
    BatchNormalization,
    Blueprint,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    Input,
    MaxPooling2D,
)
from metaopt.guard.repair.layer_evaluator import compile_value
from metaopt.zoo import conv_stack
from tests.guard.cases import draws
from tests.guard.repair.traces import traced

SPACE = {
    "width": hp.uniformint("width", 1, 64),
    "kernel": hp.uniformint("kernel", 1, 9),
    "stride": hp.uniformint("stride", 1, 3),
    "units": hp.uniformint("units", 1, 64),
    "again": hp.uniformint("again", 1, 9),
    "wider": hp.uniformint("wider", 2, 9),
}
VALS = {"width": 4, "kernel": 3, "stride": 2, "units": 5, "again": 3, "wider": 3}


def network(point):
    x = inputs = Input((9, 9, 2))
    x = Conv2D(point["width"], point["kernel"], strides=point["stride"])(x)
    x = BatchNormalization()(x)
    return Blueprint(inputs, Dense(point["units"])(Flatten()(x)))


def steps_of(network):
    case = traced(SPACE, network)
    return case.evaluator, case.steps(VALS)


def test_steps_know_the_labels_of_geometry_and_width():
    _, (inputs, conv, norm, flatten, dense) = steps_of(network)
    assert (conv.labels, conv.names, conv.stride_labels, conv.width_labels) == (
        ("kernel", "stride"),
        ("kernel_size", "strides"),
        ("stride",),
        ("width",),
    )
    assert (dense.labels, dense.width_labels) == ((), ("units",))
    assert [step.keeps_shape for step in (conv, norm, flatten, dense)] == [False, True, False, False]
    assert inputs.inputs == ()
    assert [step.inputs for step in (conv, norm, flatten, dense)] == [(1,)] * 4
    assert [step.is_head for step in (conv, norm, flatten, dense)] == [False, False, False, True]


def test_arguments_are_functions_of_values():
    _, (_, conv, *_) = steps_of(network)
    assert conv.arguments(VALS) == (3, 2)
    assert conv.arguments({**VALS, "kernel": 7, "stride": 1}) == (7, 1)
    assert conv.width({**VALS, "width": 9}) == 9


@pytest.mark.parametrize(
    ("size", "arguments", "expected"),
    [
        ((9, 9), (3, 2), (4, 4)),  # ⌊(9 − 3) / 2⌋ + 1
        ((9, 5), (5, 1), (5, 1)),
        ((2, 2), (3, 1), None),
        ((9, 9), (0, 1), None),  # no such kernel
    ],
)
def test_outputs_of_a_convolution(size, arguments, expected):
    evaluator, (_, conv, *_) = steps_of(network)
    output = evaluator.output(conv, size, arguments)
    assert (output if output is None else output[0]) == expected
    assert evaluator.output(conv, size, arguments) == output  # memoised


def test_flatten_multiplies_channels_by_the_size():
    evaluator, (*_, flatten, _) = steps_of(network)
    assert evaluator.output(flatten, (4, 3), ()) == ((), 12)


def test_cost_coefficients_of_each_kind():
    evaluator, (_, conv, norm, _, dense) = steps_of(network)
    # Kernel 3×3 with bias, 4·4 positions.
    assert evaluator.cost_coefficients(conv, (9, 9), (4, 4), (3, 2)) == ((9, 1, 0, 0), (9 * 16, 0, 0, 0))
    # γ, β, mean and variance of each channel.
    assert evaluator.cost_coefficients(norm, (4, 4), (4, 4), ()) == ((0, 0, 4, 0), (0, 0, 0, 0))
    assert evaluator.cost_coefficients(dense, (), (), ()) == ((1, 1, 0, 0), (1, 0, 0, 0))


def test_depthwise_convolution_costs_by_its_input():
    def depthwise(point):
        x = inputs = Input((9, 9, 2))
        return Blueprint(inputs, DepthwiseConv2D(point["kernel"])(x))

    evaluator, (_, step) = steps_of(depthwise)
    assert evaluator.cost_coefficients(step, (9, 9), (7, 7), (3,)) == ((0, 0, 10, 0), (0, 0, 9 * 49, 0))


def test_parameters_of_a_grouped_convolution_count_one_group():
    def grouped(point):
        x = inputs = Input((9, 9, 4))
        return Blueprint(inputs, Conv2D(8, point["kernel"], groups=4)(x))

    evaluator, (_, step) = steps_of(grouped)
    assert evaluator.output(step, (9, 9), (3,))[0] == (7, 7)
    parameters, macs = evaluator.cost_coefficients(step, (9, 9), (7, 7), (3,))
    assert parameters == pytest.approx((9 / 4, 1, 0, 0))
    assert macs == pytest.approx((9 / 4 * 49, 0, 0, 0))


def test_signatures_are_equal_for_layers_made_alike():
    def layers(point):
        x = inputs = Input((9, 9, 2))
        for kernel in (point["kernel"], point["again"], point["wider"], point["kernel"] + 1):
            x = Conv2D(4, kernel, padding="same")(x)
        return Blueprint(inputs, x)

    _, (_, first, again, wider, computed) = steps_of(layers)
    assert first.signature == again.signature
    assert len({first.signature, wider.signature, computed.signature}) == 3


def test_negative_computed_arguments_become_zero():
    def padded(point):
        x = inputs = Input((9, 9, 2))
        padding = max(0, point["kernel"] - point["stride"]) // 2
        return Blueprint(inputs, Conv2D(4, point["kernel"], point["stride"], padding)(x))

    _, (_, conv) = steps_of(padded)
    assert conv.names == ("kernel_size", "strides", "padding")
    assert conv.arguments({**VALS, "kernel": 5, "stride": 1}) == (5, 1, 2)
    assert conv.arguments({**VALS, "kernel": 1, "stride": 3}) == (1, 3, 0)


def test_compiled_values_follow_nested_tuples():
    assert compile_value((1, [2, "same"]))({}) == (1, (2, "same"))
    assert compile_value("same")({}) == "same"


def test_projection_takes_the_width_of_the_added_tensor():
    def residual(point):
        x = inputs = Input((9, 9, 2))
        y = Conv2D(point["width"], 3, padding="same")(x)
        skip = MaxPooling2D(1)(x)
        skip = Conv2D(y.shape[2], 1)(skip)
        return Blueprint(inputs, Add()([y, skip]))

    _, (_, conv, pool, projection, add) = steps_of(residual)
    assert [step.is_projection for step in (conv, pool, projection, add)] == [False, True, True, False]
    assert projection.width_source == 2
    assert conv.width_source == 0


def test_outputs_agree_with_the_blueprint():
    space = conv_stack.make_space(1, 4, residual=False, skips=False)
    case = traced(space, lambda point: conv_stack.network(point, (64, 64, 3), {"label": 10}))
    compared = 0
    for vals in draws(case.space, 40):
        state = case.state(vals)
        if state.is_valid:
            blueprint = case.network(case.space.point(vals))
            assert state.sizes == [node.shape[:-1] for node in blueprint.nodes]
            compared += 1
    assert compared > 10
