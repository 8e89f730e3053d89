import os
import platform
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from metaopt.executors.gpus import FRACTION, LIMIT
from metaopt.training import backend

ROOT = Path(__file__).parents[2]


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
def test_mixed_precision_if_the_chip_supports_it(monkeypatch: Any, accelerator: Any, policy: str | None) -> None:
    monkeypatch.setattr(backend, "_find_accelerator", lambda: accelerator)
    assert backend._policy() == policy


def test_compute_capability_of_jax_is_parsed() -> None:
    assert backend._parse_capability("9.0") == (9, 0)


@pytest.mark.slow
def test_prepare_sets_threads_and_describe_reports_them(monkeypatch: Any) -> None:
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
def test_tensorflow_is_limited_to_the_share_of_its_worker(monkeypatch: Any) -> None:
    tf = pytest.importorskip("tensorflow")
    gpu, set_up = object(), []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: [gpu])
    monkeypatch.setattr(tf.config, "set_logical_device_configuration", lambda *given: set_up.append(given))
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda *given: set_up.append(given))
    monkeypatch.delenv(LIMIT, raising=False)
    backend._prepare_tensorflow(deterministic=False)
    monkeypatch.setenv(LIMIT, str(4500 * 2**20))
    backend._prepare_tensorflow(deterministic=False)
    assert set_up == [(gpu, True), (gpu, [tf.config.LogicalDeviceConfiguration(memory_limit=4500)])]


@pytest.mark.parametrize(("fraction", "expected"), [(None, []), ("0.2250", [0.225])])
def test_torch_is_limited_to_the_share_of_its_worker(monkeypatch: Any, fraction: str | None, expected: list) -> None:
    given: list[float] = []
    cuda = SimpleNamespace(is_available=lambda: True, set_per_process_memory_fraction=given.append)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda, set_num_threads=lambda _: None))
    monkeypatch.delenv(FRACTION, raising=False)
    if fraction is not None:
        monkeypatch.setenv(FRACTION, fraction)
    backend._prepare_torch(deterministic=False)
    assert given == expected


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is glibc's")
def test_freed_memory_is_retained_and_released_at_the_end() -> None:
    code = """
import ctypes, resource
import psutil
from metaopt.training import backend

library = ctypes.CDLL(None)
library.malloc.argtypes, library.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = library.malloc(50_000_000)
    ctypes.memset(block, 1, 50_000_000)
    library.free(ctypes.c_void_p(block))
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
by_default = faults()
backend._retain_freed_memory()
faults()
kept, size = faults(), psutil.Process().memory_info().rss
backend._release_memory()
print(by_default, kept, size - psutil.Process().memory_info().rss)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    by_default, kept, given_back = map(int, done.stdout.split())
    assert kept < 100 < 5_000 < by_default
    assert given_back > 40_000_000


@pytest.mark.slow
def test_clean_session_removes_its_own_gradients_only(monkeypatch: Any) -> None:
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
