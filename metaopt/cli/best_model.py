"""Export of the best model as the search trained it; ``metaopt retrain`` trains its point again on all images."""

import sys
from pathlib import Path

from metaopt.cli.retrain_networks import warn_of_file
from metaopt.cli.study_inputs import (
    require_same_network,
    require_source,
    some_images,
    study_data,
    study_problem,
    trained_point,
)
from metaopt.engine.job_factory import identify
from metaopt.errors import UserError
from metaopt.storage.checkpoint_store import checkpoint_directory
from metaopt.storage.study import Study
from metaopt.terminal.commands import command, shown
from metaopt.terminal.suppressed_stderr import suppressed_stderr
from metaopt.terminal.wrapping import print_wrapped
from metaopt.training import backend
from metaopt.training.model_file import ModelMetadata, check_writable
from metaopt.trials.record import Record


def save_best_model(
    study: Study, record: Record, path: Path, space: str | None = None, data_set: str | None = None
) -> str:
    """Export the weights that a trial had at its best epoch, as a model that takes raw images.

    Args:
        study: the study, on which a search may be running.
        record: record of the trial.
        path: file of the model.
        space: the problem that the user names, which is run; None for a file whose text is that of the study.
        data_set: the data set where the user has it now; None for the place that the study keeps.

    Returns:
        A sentence on what was written.

    Raises:
        UserError: The weights of the trial were deleted or are damaged, or the study's network or data have changed.
    """
    check_writable(path)
    require_source(study, space)
    # Before the problem's file, whose own settings, such as a dtype policy, are to stay in force.
    with suppressed_stderr():
        backend.prepare()
    problem = study_problem(study, space)
    require_same_network(study, problem)
    data = study_data(study, note=lambda text: print_wrapped(text, file=sys.stderr), given=data_set)
    from metaopt.training.checkpoint import UnusableCheckpoint, best_weights
    from metaopt.training.export import export_model, save_model, tune_labels
    from metaopt.training.network_builder import make_builder
    from metaopt.training.retraining import find_file_problem
    from metaopt.training.state_identity import trial_identity
    from metaopt.training.variables import set_last_weights

    trial = record.trial
    try:
        url, study_id = study.state.settings.get("checkpoint_url"), str(study.state.header.get("id", ""))
        with checkpoint_directory(study.folder, trial, url, study_id) as directory:
            identity = trial_identity(identify(study.state, study.state.trials[trial]))
            epoch, (first, *others) = best_weights(directory, identity)
    except UnusableCheckpoint as unusable:
        raise UserError(
            f"The weights of trial {trial} are {unusable.reason}: train its point again with"
            f" `{command('retrain', results=study.folder)}`."
        ) from None
    point = trained_point(problem, record.vals)
    file_problem = find_file_problem(problem, point, data)
    if file_problem is not None:
        print_wrapped(warn_of_file(file_problem), file=sys.stderr)
    builder = make_builder(problem, point, data)
    network = builder.build()
    set_last_weights(network, first)  # a frozen part keeps its own
    network = builder.for_inference(network)
    origin = {"trial": trial, "point": record.point, "epochs": epoch, "data": data.name}
    outputs = {head: data.outputs[head] for head in builder.heads(network)}
    metadata = ModelMetadata.for_data(outputs, data, origin)
    exported = export_model([network], metadata, some_images(data))
    save_model(exported, tune_labels(exported, metadata, data.validation), path)
    images = f"the first of {len(others) + 1} folds" if others else f"{len(data.train):,} training images"
    # A trial that was promoted after its record was written may have better weights by now.
    when = "" if epoch == record.best_epoch else f" at epoch {epoch}"
    if when and record.complete:  # a constraint was added after it was trained
        when += f" (the weights of epoch {record.best_epoch}, its best under today's constraints, were not kept)"
    return (
        f"{shown(path)}: trial {trial}{when} as the search trained it on {images}, not tested;"
        f" `{command('retrain', results=study.folder)}` trains it on all of them, and tests it."
    )
