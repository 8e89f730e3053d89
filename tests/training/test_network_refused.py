"""Rejection of a network in the worker."""

import pickle

from metaopt.training import NetworkRefused


def test_message_holds_reason_and_detail() -> None:
    refused = NetworkRefused("params", "Too many.")
    assert (refused.reason, refused.detail, str(refused)) == ("params", "Too many.", "params: Too many.")


def test_copy_from_another_process_is_complete() -> None:
    refused = pickle.loads(pickle.dumps(NetworkRefused("invalid architecture", "No shape.")))
    assert (refused.reason, refused.detail) == ("invalid architecture", "No shape.")


def test_refusal_is_no_value_error() -> None:
    """``build_model`` may raise it with a reason of its own; the ValueError of Keras means an invalid architecture."""
    assert not isinstance(NetworkRefused("params", "Too many."), ValueError)
