"""PyTorch: an ``ExportedProgram``, written by Keras on its PyTorch backend."""

import json
from pathlib import Path
from typing import Any

import keras

from metaopt.data.images import InputArray
from metaopt.deployment.fixed_size import fix_size, name_tensors
from metaopt.deployment.runner import Runner
from metaopt.errors import UserError
from metaopt.training.model_file import KEY, ModelMetadata, describe_metadata, parse_metadata
from metaopt.values.json_values import dump_json
from metaopt.values.safe_text import describe_cause

_EXTRA = "metaopt.json"


def write_torch(model: keras.Model, metadata: ModelMetadata, path: Path, calibration: InputArray | None) -> None:
    """Write a model for batches of any size.

    Args:
        model: exported model, on the PyTorch backend.
        metadata: metadata of the file, an extra file of the archive.
        path: the file.
        calibration: None; quantising needs torchao, whose programs run on some chips only.
    """
    import torch

    assert calibration is None
    fixed = fix_size(model, metadata)
    fixed.export(str(path), format="torch", verbose=False, dynamic_shapes={0: torch.export.Dim("batch", min=1)})
    program = torch.export.load(str(path))
    extra = {_EXTRA: dump_json({KEY: describe_metadata(metadata)}).decode()}
    torch.export.save(program, str(path), extra_files=extra)


def open_torch(path: Path) -> Runner:
    """Load a model in PyTorch.

    Raises:
        UserError: The file is no exported program, or was not written by metaopt.
    """
    import torch

    extra = {_EXTRA: ""}
    try:
        program = torch.export.load(str(path), extra_files=extra).module()
    except Exception as error:  # PyTorch raises exceptions of nearly every type for a damaged file
        raise UserError(f"Cannot load model {path}: {describe_cause(error)}.") from error
    try:
        metadata = parse_metadata(json.loads(extra[_EXTRA])[KEY], path)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"No class names found in {path}. Expected an ExportedProgram written by metaopt export."
        ) from error
    names = name_tensors(metadata.outputs)

    def predict(inputs: InputArray) -> dict[str, Any]:
        with torch.no_grad():
            found = program(torch.from_numpy(inputs))
        return {head: found[name].cpu().numpy() for head, name in names.items()}

    return Runner(metadata, predict)
