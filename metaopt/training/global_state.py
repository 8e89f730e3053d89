"""Global state of Keras, NumPy and Python: captured before a training and set again for the next one.

Clearing Keras' session resets all its global attributes, settings of the user included (Keras 3.15 also resets the
dtype policy). A ``build_model`` may change settings, and a training seeds every random generator.
"""

import contextlib
import random
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

# Global attributes of Keras that are settings; the others are names, scopes and graphs of the models built so far.
_SETTINGS = (
    *("dtype_policy", "safe_mode_saving", "flash_attention", "nnx_enabled", "traceback_filtering"),
    *("interactive_logging", "distribution", "custom_objects_scope_dict", "global_random_seed", "use_legacy_config"),
)


def describe_precision() -> dict[str, str]:
    """Return ``policy`` and ``floatx`` for the record of a trial."""
    import keras

    return {"policy": keras.config.dtype_policy().name, "floatx": keras.config.floatx()}


def clear_session() -> None:
    """Reset Keras' global attributes, but leave compiled programs and garbage alone.

    On TensorFlow, ``keras.utils.clear_session`` also clears the cache of kernels. That frees nothing of a model that is
    gone, whose functions take their kernels with them. But each function of a living model would be optimised again at
    its next call, which takes 0.3 to 2 seconds.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        keras.utils.clear_session(free_memory=False)
        return
    import tensorflow as tf

    _attributes().clear()
    tf.compat.v1.reset_default_graph()


def set_random_seed(seed: int, *, keeps_kernels: bool = False) -> None:
    """Seed all global random generators, as ``keras.utils.set_random_seed`` does.

    Args:
        seed: the seed, from 0.
        keeps_kernels: leave out the generator of TensorFlow, whose seeding clears the cache of kernels; Keras and the
            layers of ``metaopt.blueprint`` do not draw from it.
    """
    import keras

    if not keeps_kernels or keras.backend.backend() != "tensorflow":
        keras.utils.set_random_seed(seed)
        return
    attributes = _attributes()
    attributes["global_random_seed"] = seed
    attributes.pop("global_seed_generator", None)  # Keras makes it again, from the seed
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002


@contextlib.contextmanager
def preserved() -> Iterator[None]:
    """Clear Keras' session but keep its settings; set all settings again when the context is left."""
    settings = _read_settings()
    backend_types = _read_backend_types()
    clear_session()
    _write_settings(settings)
    try:
        with preserved_numbers():
            yield
    finally:
        _write_settings(settings)
        _write_backend_types(backend_types)


@contextlib.contextmanager
def preserved_numbers() -> Iterator[None]:
    """Set NumPy's settings and the global random generators of NumPy and Python again when the context is left."""
    numbers = _read_numbers()
    try:
        yield
    finally:
        _write_numbers(*numbers)


def _attributes() -> dict[str, Any]:
    """Return the global attributes of Keras, which has no public function that reads or sets them all."""
    from keras.src.backend.common import global_state

    return vars(global_state.GLOBAL_STATE_TRACKER)


def _read_settings() -> tuple[dict[str, Any], tuple[str, float, str]]:
    """Return the attributes that are set, and the settings that Keras keeps in its configuration."""
    import keras

    attributes = _attributes()
    config = keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format()
    return {name: attributes[name] for name in _SETTINGS if name in attributes}, config


def _write_settings(settings: tuple[dict[str, Any], tuple[str, float, str]]) -> None:
    import keras

    attributes, (floatx, epsilon, image_data_format) = settings
    current = _attributes()
    for name in _SETTINGS:
        current.pop(name, None)
    current.update(attributes)
    keras.config.set_floatx(floatx)
    keras.config.set_epsilon(epsilon)
    keras.config.set_image_data_format(image_data_format)


def _read_numbers() -> tuple[Any, ...]:
    """Return NumPy's error handling and print options, and the state of the global random generators."""
    return np.geterr(), np.geterrcall(), np.get_printoptions(), np.random.get_state(), random.getstate()  # noqa: NPY002


def _write_numbers(errors: Any, error_call: Any, options: Any, numpy_state: Any, python_state: Any) -> None:
    np.seterr(**errors)
    np.seterrcall(error_call)
    np.set_printoptions(**options)
    np.random.set_state(numpy_state)  # noqa: NPY002
    random.setstate(python_state)


def _read_backend_types() -> tuple[Any, Any]:
    """Return torch's default float type, and whether JAX computes with 64 bits; None for a backend not imported."""
    torch, jax = sys.modules.get("torch"), sys.modules.get("jax")
    return (
        None if torch is None else torch.get_default_dtype(),
        None if jax is None else bool(jax.config.read("jax_enable_x64")),
    )


def _write_backend_types(types: tuple[Any, Any]) -> None:
    torch_type, is_64_bit = types
    if torch_type is not None and sys.modules["torch"].get_default_dtype() != torch_type:
        sys.modules["torch"].set_default_dtype(torch_type)
    if is_64_bit is not None and bool(sys.modules["jax"].config.read("jax_enable_x64")) != is_64_bit:
        sys.modules["jax"].config.update("jax_enable_x64", is_64_bit)
