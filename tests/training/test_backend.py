import os
from typing import Any

import pytest

from metaopt.training import backend


@pytest.mark.parametrize(
    ("accelerator", "policy"),
    [
        ((None, None), None),
        (("GeForce GTX 1080", (6, 1)), None),
        (("Tesla V100", (7, 0)), "mixed_float16"),
        (("GeForce RTX 2080", (7, 5)), "mixed_float16"),
        (("A100", (8, 0)), "mixed_bfloat16"),
        (("H200", (9, 0)), "mixed_bfloat16"),
        (("TPU v4", None), "mixed_bfloat16"),
        (("AMD Instinct", None), None),
    ],
)
def test_mixed_precision_where_the_chip_is_made_for_it(monkeypatch: Any, accelerator: Any, policy: str | None) -> None:
    monkeypatch.setattr(backend, "_gpu", lambda: accelerator)
    assert backend._policy() == policy


def test_jax_says_its_capability_as_text() -> None:
    assert backend._pair("9.0") == (9, 0)


@pytest.mark.slow
def test_prepare_keeps_a_cpu_in_float32_and_describe_says_what_there_is(monkeypatch: Any) -> None:
    import keras

    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "NPROC"):
        monkeypatch.setenv(name, "8")  # to be restored afterwards
    backend.prepare(threads=1)
    assert os.environ["TF_NUM_INTRAOP_THREADS"] == "1"
    description = backend.describe()
    assert description["threads"] == 1
    assert description["backend"] == keras.backend.backend()
    assert description["versions"]["keras"] == keras.__version__
    assert description["device"]


@pytest.mark.slow
def test_a_clean_session_forgets_its_own_gradients_alone(monkeypatch: Any) -> None:
    import keras

    if keras.backend.backend() != "tensorflow":
        pytest.skip("the registry is TensorFlow's")
    registry = backend._gradient_registry()
    assert "MatMul" in registry
    monkeypatch.setitem(registry, "Users-1", {"type": None})
    with backend.clean_session():
        registry["CustomGradient-1"] = {"type": None}
    assert "Users-1" in registry
    assert "CustomGradient-1" not in registry
