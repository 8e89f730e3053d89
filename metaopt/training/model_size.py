"""Size of the file that the final training of a network would write, measured before it is trained."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from metaopt.engine.jobs import TrainingOptions
from metaopt.training import backend
from metaopt.training.export import export_model
from metaopt.training.model_file import ModelMetadata, write_model
from metaopt.training.network_builder import NetworkBuilder
from metaopt.training.network_refused import NetworkRefused
from metaopt.trials.constraints import MODEL_BYTES


def needs_model_bytes(options: TrainingOptions) -> bool:
    """Return whether a search asks for the sizes of its models, so that they are worth a second to measure them."""
    return MODEL_BYTES in (*options.further_objectives, *(each.name for each in options.constraints))


def measure_model_bytes(builder: NetworkBuilder) -> int:
    """Return the bytes of the exported model of an untrained network, in a session of its own.

    The weights are stored without compression, so training does not change the size.
    """
    data = builder.data
    with backend.clean_session(), TemporaryDirectory(prefix="metaopt-model-") as folder:
        network = builder.for_inference(builder.build())
        outputs = {head: data.outputs[head] for head in builder.heads(network)}
        metadata = ModelMetadata.for_data(outputs, data, {"point": builder.point})
        kind = np.uint8 if data.standardization is None else np.float32
        file = Path(folder, "untrained.keras")
        write_model(file, metadata, export_model([network], metadata, np.zeros((1, *data.input_shape), kind)).save)
        return file.stat().st_size


def refuse_larger_model(model_bytes: int, options: TrainingOptions) -> None:
    """Refuse a network whose exported model exceeds the limit.

    Raises:
        NetworkRefused: It does.
    """
    for each in options.constraints:
        if each.name == MODEL_BYTES and each.distance(model_bytes) > 0:
            raise NetworkRefused(MODEL_BYTES, f"The exported model has {model_bytes:,} bytes, limit {each}.")
