import pickle

from metaopt.blueprint import InvalidArchitecture


def test_survives_the_way_between_processes():
    error = pickle.loads(pickle.dumps(InvalidArchitecture("Conv2D", (1, 1, 8), "the output would be empty")))
    assert (error.kind, error.input_shape, error.reason) == ("Conv2D", (1, 1, 8), "the output would be empty")
    assert str(error) == "Conv2D on an input of shape (1, 1, 8): the output would be empty"
    assert isinstance(error, ValueError)
