"""Training requests for tests.

The trainings of a test process keep their compiled models as those of a worker do: to trace the same small networks
again and again would take most of the time. That a kept model trains as a new one, bit for bit, is tested in
``test_model_source``, and that a new one resumes a training in ``test_resume``.
"""

from collections.abc import Callable
from typing import Any

from metaopt.engine.jobs import (
    FromScratch,
    Job,
    Message,
    Origin,
    Resume,
    TrainingOptions,
    TrainingRequest,
    keep_training,
)
from metaopt.training.compiled_models import CompiledModels


def make_job(
    trial: int = 0,
    point: Any = None,
    epochs: int = 1,
    start: int = 0,
    is_reported: bool = True,
    origin: Origin | None = None,
    checkpoint: str | None = None,
    rung_levels: tuple[int, ...] = (),
    kept_epochs: tuple[int, ...] = (),
    **options: Any,
) -> Job:
    """Return a job.

    Args:
        trial: number of the trial.
        point: the hyperparameters, {} if None.
        epochs: target resource.
        start: epochs that the journal holds; 0 for a trial that begins.
        is_reported: whether those were reported one by one.
        origin: how the trial begins, from scratch if None.
        checkpoint: checkpoint directory of the trial.
        rung_levels: resources at which a cycle of the learning rate ends.
        kept_epochs: epochs whose states stay.
        **options: see ``TrainingOptions``.
    """
    begin = FromScratch() if origin is None else origin
    init = Resume(start, is_reported, begin) if start else begin
    return Job(
        *(trial, {} if point is None else point, init, epochs, TrainingOptions(**options), checkpoint, rung_levels),
        kept_epochs=kept_epochs,
    )


COMPILED_MODELS = CompiledModels()


def make_request(
    trial: int = 0,
    *,
    report: Callable[[Message], bool] = keep_training,
    compiled_models: CompiledModels | None = COMPILED_MODELS,
    **job: Any,
) -> TrainingRequest:
    """Return a request of a search.

    Args:
        trial: number of the trial.
        report: takes the reports.
        compiled_models: models of earlier trainings; None to build a new one, and to keep none.
        **job: see ``make_job``.
    """
    return TrainingRequest(make_job(trial, **job), report, compiled_models)
