"""Check that the backend uses the GPU of the machine; its nvidia-smi is a script, and TensorFlow has no CUDA."""

import os
from pathlib import Path

import pytest

from metaopt.data import DataSet
from metaopt.engine.jobs import Epoch, Remark, TrainingOptions
from metaopt.problems.loading import load_problem
from metaopt.training import KerasTrainer, backend
from metaopt.training.gpu_check import describe_unused_gpu
from tests.training.requests import make_job

pytestmark = pytest.mark.slow


@pytest.fixture
def gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a GPU."""
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho GPU-aaa, 10000, 12000\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_a_backend_without_cuda_is_said_with_its_remedy(gpu) -> None:
    text = describe_unused_gpu()
    assert text is not None
    assert text.startswith("This machine has an NVIDIA GPU, but the backend ")
    commands = {
        "tensorflow": "pip install 'tensorflow[and-cuda]'",
        "jax": "pip install 'jax[cuda12]'",
        "torch": "pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cu126",
    }
    import keras

    assert text.endswith(f": {commands[keras.backend.backend()]}")


def test_nothing_is_said_where_the_gpu_is_used_or_hidden(gpu, monkeypatch) -> None:
    monkeypatch.setattr(backend, "_find_accelerator", lambda: ("H200", (9, 0)))
    assert describe_unused_gpu() is None
    monkeypatch.undo()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert describe_unused_gpu() is None


def test_a_training_says_it_before_its_first_epoch(gpu, tiny: DataSet) -> None:
    problem = Path(__file__).with_name("tiny_problem.py")
    trainer = KerasTrainer(load_problem(str(problem)), tiny, threads=1)
    trainer.setup(TrainingOptions())
    reports = []

    def stop(message) -> bool:
        reports.append(message)
        return False

    trainer.train(make_job(trial=4, epochs=2), stop)
    assert [type(report) for report in reports] == [Remark, Epoch]
