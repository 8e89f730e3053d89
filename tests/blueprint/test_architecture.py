"""Architecture of a network: what its weights belong to."""

from metaopt.blueprint import Add, Blueprint, Conv2D, Dense, Dropout, Flatten, Input
from metaopt.blueprint.architecture import describe_architecture


def residual(rate=0.5, penalty=0.0, kernel_size=3, is_shared=False, units=10):
    inputs = Input((8, 8, 3))
    first = Conv2D(3, kernel_size, padding="same", kernel_regularizer=penalty)
    second = first if is_shared else Conv2D(3, kernel_size, padding="same")
    joined = Add()([second(Dropout(rate)(first(inputs))), inputs])
    return describe_architecture(Blueprint(inputs, Dense(units)(Flatten()(joined))))


def test_regularisation_is_no_part_of_the_architecture():
    assert residual() == residual(rate=0.1, penalty=0.01)


def test_layers_shapes_and_connections_are():
    assert residual() != residual(kernel_size=5)
    assert residual() != residual(units=9)
    assert residual() != residual(is_shared=True)
    assert residual(kernel_size=(1, 3)) != residual(kernel_size=(3, 1)), "with as many weights"
