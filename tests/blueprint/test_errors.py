import pickle

from metaopt.blueprint import InvalidArchitecture


def test_exception_survives_pickling():
    error = pickle.loads(pickle.dumps(InvalidArchitecture("Conv2D", (1, 1, 8), "The output would be empty.")))
    assert (error.kind, error.input_shape, error.reason) == ("Conv2D", (1, 1, 8), "The output would be empty.")
    assert str(error) == "Conv2D with input shape (1, 1, 8): The output would be empty."
    assert isinstance(error, ValueError)
