"""Check that the backend uses the GPU of the machine: the default packages of some backends compute on the CPU only."""

from metaopt.executors.hardware import has_gpu
from metaopt.training import backend

# Command that installs each backend with the libraries of CUDA.
_REMEDIES = {
    "tensorflow": "pip install 'tensorflow[and-cuda]'",
    "jax": "pip install 'jax[cuda12]'",
    "torch": "pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cu126",
}


def describe_unused_gpu() -> str | None:
    """Return a sentence for the user if there is a GPU that the imported backend does not find; else None."""
    import keras

    name = keras.backend.backend()
    if name not in _REMEDIES or backend.find_accelerator() is not None or not has_gpu():  # nvidia-smi takes a second
        return None
    return (
        f"This machine has an NVIDIA GPU, but the backend {name} does not find it, so trials train on the CPU. To"
        f" install {name} with CUDA: {_REMEDIES[name]}"
    )
