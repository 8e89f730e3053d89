"""State of a user's model when its study began: a study that resumes uses it, whatever weights it is given."""

import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from metaopt.errors import UserError
from metaopt.files.atomic_files import write_file
from metaopt.terminal.commands import shown
from metaopt.training.evolving.recipe import Recipe
from metaopt.training.variables import with_type

INITIAL = "initial.npz"


def with_stored_state(recipe: Recipe, folder: Path) -> tuple[Recipe, bool]:
    """Return a recipe with the weights and the optimizer's state that a study began with; a new study stores them.

    Args:
        recipe: the recipe of the model that was given now.
        folder: folder of the study.

    Returns:
        The recipe, and whether the given model has other weights.

    Raises:
        UserError: The stored weights are damaged.
        ResultsNotWritable: They cannot be written.
    """
    path = folder / INITIAL
    if not path.is_file():
        arrays = {f"weight.{number}": array for number, array in enumerate(recipe.weights)}
        arrays |= {f"optimizer.{number}": array for number, array in enumerate(recipe.optimizer_state)}
        write_file(path, lambda file: np.savez(file, allow_pickle=False, **arrays))
        return recipe, False
    try:
        with np.load(path, allow_pickle=False) as stored:
            weights = [stored[name] for name in stored.files if name.startswith("weight.")]
            state = [stored[name] for name in stored.files if name.startswith("optimizer.")]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{shown(path)} is damaged ({error}). Restore it, or choose another results folder.") from error
    weights = [with_type(a, b.dtype.name) for a, b in zip(weights, recipe.weights, strict=True)]
    is_other = any(not np.array_equal(a, b) for a, b in zip(weights, recipe.weights, strict=True))
    return replace(recipe, weights=weights, optimizer_state=state), is_other
