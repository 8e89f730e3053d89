"""Ensemble of ``metaopt retrain``: the best trials are trained, and the networks whose average is best are kept."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from metaopt.cli.retrain_networks import FinalTraining, describe_origin, train
from metaopt.cli.retrain_plan import Plan
from metaopt.cli.study_inputs import some_images
from metaopt.errors import UserError
from metaopt.quantities import plural
from metaopt.terminal.wrapping import print_wrapped
from metaopt.training.ensemble import select_ensemble
from metaopt.training.model_file import ModelMetadata

if TYPE_CHECKING:
    from metaopt.training.retraining import RetrainedNetwork


def check_ensemble_flags(ensemble: int | None, *, point: Path | None, members: int, seeds: int) -> None:
    """Check that no flag contradicts an ensemble.

    Raises:
        UserError: One does.
    """
    if ensemble is None:
        return
    given = [("--point", point is not None), ("--members", members > 1), ("--seeds", seeds > 1)]
    for flag, is_given in given:
        if is_given:
            raise UserError(f"{flag} is about one point, --ensemble about several: leave one of them out.")


def train_ensemble(
    final: FinalTraining, plans: Sequence[Plan], log: Path | None
) -> "tuple[list[RetrainedNetwork], list[int], dict[str, object]]":
    """Train the candidates and select the networks of the ensemble on held-out images.

    Args:
        final: what is trained on; its images for tuning select the networks.
        plans: plan of each candidate, the best trial first.
        log: folder for TensorBoard files, or None.

    Returns:
        The selected networks, how often each counts in the average, and the origin of the model.
    """
    from metaopt.training.export import export_model, predict_split

    images = final.held.tuning
    assert images is not None
    networks, predictions = [], []
    head, output = next(iter(final.data.outputs.items()))
    for number, plan in enumerate(plans, start=1):
        prefix = f"candidate {number} of {len(plans)}, {plan.name} · "
        (network,) = train(final, plan, None if log is None else log / f"network_{number}", prefix)
        outputs = {name: final.data.outputs[name] for name in network.heads}
        metadata = ModelMetadata.for_data(outputs, final.data)
        model = export_model([network.network], metadata, some_images(final.data), mirror=final.mirror)
        networks.append(network)
        predictions.append(predict_split(model, metadata, images)[head])
    selection = select_ensemble(output, predictions, np.asarray(images.labels[head]))
    n = sum(1 for weight in selection.weights if weight)
    print_wrapped(
        f"ensemble of {plural(n, 'network')}, selected on {len(images):,} {final.data.noun}s that are not used for"
        f" training: loss {selection.loss:.4f}"
    )
    for plan, loss, weight in zip(plans, selection.alone, selection.weights, strict=True):
        print(f"  {plan.name}: loss alone {loss:.4f}, {f'weight {weight}' if weight else 'left out'}")
    chosen = [number for number, weight in enumerate(selection.weights) if weight]
    weights = [selection.weights[number] for number in chosen]
    described = [
        {
            "trial": plans[number].trial,
            "weight": weight,
            "epochs": plans[number].epochs,
            "point": plans[number].written.point,
        }
        for number, weight in zip(chosen, weights, strict=True)
    ]
    origin = describe_origin(final, plans[chosen[0]]) | {"members": n, "ensemble": described}
    return [networks[number] for number in chosen], weights, origin
